import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { freePort } from '../../../src/db/embedded/free-port.ts'
import { until } from '../../support/house.ts'

const BINARY = path.join(import.meta.dirname, '../../../node_modules/local-slack-linux-x64/bin/local-slack')
const TIED = path.join(import.meta.dirname, '../../support/tied-process.ts')
export const LOCAL_TEAM = 'T01TEST'
const BOT_TOKEN = 'xoxb-test-token'
const APP_TOKEN = 'xapp-test-token'
const SIGNING_SECRET = 'test-signing-secret'

/**
 * A Slack that somebody else wrote, as one program. It listens on every interface and is lenient with what it
 * is sent: for tests alone, and beside the strict fake of ours.
 * @param file where its configuration is written
 */
export async function startLocalSlack(options: LocalSlackOptions): Promise<LocalSlack> {
  const { mode, people, file, ownPort } = options
  const port = await freePort()
  const requestUrl = `http://127.0.0.1:${ownPort}/slack/events`
  const app = { mode, requestUrl, botToken: BOT_TOKEN, appToken: APP_TOKEN, signingSecret: SIGNING_SECRET }
  const users = people.map((name) => ({ id: `U0${name.toUpperCase()}`, name }))
  const channels = [{ id: 'C0ACCESS', name: 'access' }]
  await writeFile(file, JSON.stringify({ workspace: { teamId: LOCAL_TEAM }, apps: [app], users, channels }))
  const args = [TIED, BINARY, '--config', file, '--port', String(port), '--base-host', '127.0.0.1']
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'ignore', 'ignore'] })
  const origin = `http://127.0.0.1:${port}`

  async function control(door: string, body?: object): Promise<unknown> {
    const init = body && {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }
    const text = await (await fetch(`${origin}/_control${door}`, init)).text()
    return text.startsWith('{') || text.startsWith('[') ? JSON.parse(text) : text
  }

  await until('the local Slack answers', () =>
    control('/log').then(
      () => true,
      () => false,
    ),
  )
  return {
    environment: {
      ...{ SLACK_BOT_TOKEN: BOT_TOKEN, SLACK_API_URL: `${origin}/api/` },
      ...(mode === 'socket' ? { SLACK_APP_TOKEN: APP_TOKEN } : { SLACK_SIGNING_SECRET: SIGNING_SECRET }),
    },
    command: (user, text) => control('/command', { channel: 'C0ACCESS', user, command: '/access', text }),
    async press(user, message, action) {
      const element = message.blocks?.flatMap((block) => block.elements ?? []).find((one) => one.action_id === action)
      return control('/interact', { channel: message.channel, messageTs: message.ts, user, action: element })
    },
    async messages(channel) {
      const read = (await control(`/messages/${channel}`)) as { messages?: LocalMessage[] } | LocalMessage[]
      return (Array.isArray(read) ? read : (read.messages ?? [])).map((one) => ({ ...one, channel }))
    },
    async stop() {
      child.stdin.end()
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
}

export interface LocalSlackOptions {
  readonly mode: 'events' | 'socket'
  readonly people: readonly string[]
  readonly file: string
  /** Where the app under test listens. */
  readonly ownPort: number
}

export interface LocalMessage {
  readonly channel: string
  readonly ts: string
  readonly text: string
  readonly thread_ts?: string
  readonly blocks?: readonly { readonly elements?: readonly { readonly action_id?: string }[] }[]
}

export interface LocalSlack {
  /** What points the app at it. */
  readonly environment: Readonly<Record<string, string>>
  command(user: string, text: string): Promise<unknown>
  /** The button of a message with this action. */
  press(user: string, message: LocalMessage, action: string): Promise<unknown>
  messages(channel: string): Promise<LocalMessage[]>
  stop(): Promise<void>
}

import { readFile } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { Db } from '../db/transaction.ts'
import { channelOn } from '../domain/channels.ts'
import { MINUTE } from '../domain/duration.ts'
import type { Policy } from '../domain/policy.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { type Account, type Card, type Chat, ChatError, type Desk, type Line, type MessageRef } from '../ports/chat.ts'
import type { ChatTrial } from '../ports/chat-trial.ts'
import type { Clock } from '../ports/clock.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode, NO, oneLine, say } from './terminal.ts'
import { ConfigurationWrong, configuration, withRecord } from './with-record.ts'

/**
 * Tries the real platform with the real settings: its rights, a card that is posted, looked up, changed, answered in its
 * thread and deleted, a message to one person; and says what that does not show.
 */
export async function smoke(given: Arguments): Promise<ExitCode> {
  const platform = given.word(0)
  if (platform === 's3') return (await import('./smoke-s3.ts')).smokeS3()
  if (platform !== 'slack' && platform !== 'teams') throw new UsageWrong('smoke needs slack, teams or s3')
  const config = configuration()
  const policy = await readPolicy(config.policyFile)
  const account = accountOf(policy, given.value('as'), platform)
  const channel = channelOn(policy.channel, platform)
  if (channel === null)
    throw new ConfigurationWrong(`The policy announces nothing on ${platform}: channel does not name it`)
  return withRecord(config, async ({ database, clock }) => {
    const faults: string[] = []
    const front = await open(platform, config, {
      ...{ db: database.pools.app, clock, desk: NOBODY },
      onFault: (what) => faults.push(what),
    })
    try {
      await front.start()
      const signedIn = tell('sign in', faults)
      const attempt = attemptIn(clock)
      const isGood =
        signedIn &&
        (await tryRights(front.trial, attempt)) &&
        (await trySending(front, channel, account, clock, attempt))
      if (signedIn) sayNotProved(front.trial)
      return isGood ? DONE : NO
    } finally {
      await front.stop()
    }
  })
}

/** What the platform says of every right; without one the rest says no more. */
async function tryRights(trial: ChatTrial, attempt: Attempt): Promise<boolean> {
  const rights = await attempt('ask what the app may do', () => trial.rights())
  const given = rights?.map(({ right, granted }) => tell(`have ${right}`, granted ? [] : ['it is missing'])) ?? [false]
  return !given.includes(false)
}

async function trySending(
  { chat, trial }: Front,
  channel: string,
  account: Account,
  clock: Clock,
  attempt: Attempt,
): Promise<boolean> {
  const since = clock.now()
  const key = `smoke:${since}`
  const ref = await attempt(`post a card in ${channel}`, () =>
    chat.post({ kind: 'channel', channel }, `${key}:card`, card('being tried', clock.now())),
  )
  const alone = await attempt('write to you alone', () =>
    chat.post({ kind: 'person', account }, `${key}:person`, line('Countersign can write to you.')),
  )
  if (ref === null) return false
  const found = await tryFinding(trial, ref, `${key}:card`, since, attempt)
  const changed = await attempt('change the card', async () => {
    await chat.update(ref, card('tried', clock.now()))
    return ref
  })
  const threaded = await attempt('write in its thread', () =>
    chat.post({ kind: 'thread', root: ref }, `${key}:line`, line('Nothing was asked for and nothing was given.')),
  )
  // The line first: a card that is gone with a line under it leaves a gap that somebody asks about.
  const removed = await attempt('delete both again', async () => {
    if (threaded !== null) await trial.remove(threaded)
    await trial.remove(ref)
    return true
  })
  return found && ![alone, changed, threaded, removed].includes(null)
}

async function tryFinding(
  trial: ChatTrial,
  ref: MessageRef,
  key: string,
  since: number,
  attempt: Attempt,
): Promise<boolean> {
  const found = await attempt('look the card up', async () => ({ is: await trial.find(ref, key, since) }), 'quiet')
  if (found === null) return false
  if (found.is === null) say('note the platform lets no bot look a message up')
  return found.is === null || tell('look the card up', found.is ? [] : ['it is not where it was posted'])
}

function sayNotProved({ notProved }: ChatTrial): void {
  say('\nNot proved from here:')
  for (const one of notProved) say(`- ${one}`)
}

/** What the platform's limits allow later is tried later: the running processes write there too. */
function attemptIn(clock: Clock): Attempt {
  return async (what, run, quiet = null) => {
    const giveUpAt = clock.now() + MOST_WAITING_MS
    for (;;) {
      try {
        const result = await run()
        if (quiet === null) tell(what, [])
        return result
      } catch (error) {
        const again = clock.now() + (error instanceof ChatError ? (error.retryAfterMs ?? giveUpAt) : giveUpAt)
        if (again < giveUpAt) {
          await new Promise<void>((resolve) => clock.runAt(again, resolve))
          continue
        }
        tell(what, [error instanceof Error ? error.message : String(error)])
        return null
      }
    }
  }
}

/** Of one step. */
const MOST_WAITING_MS = MINUTE

/** Does it, and says whether that worked. @returns null when it did not */
type Attempt = <T>(what: string, run: () => Promise<T>, quiet?: 'quiet' | null) => Promise<T | null>

function tell(what: string, faults: readonly string[]): boolean {
  say(faults.length === 0 ? `yes  ${what}` : `no   ${what}: ${faults.map(oneLine).join('; ')}`)
  return faults.length === 0
}

async function open(platform: 'slack' | 'teams', { slack, teams }: Config, house: House): Promise<Front> {
  if (platform === 'slack' && slack !== null) {
    const { createSlackChat } = await import('../chat/slack/slack-chat.ts')
    return createSlackChat({ ...house, settings: slack, rendering: { timeZone: 'UTC', userOf: () => null } })
  }
  if (platform === 'teams' && teams !== null) {
    const { createTeamsChat } = await import('../chat/teams/teams-chat.ts')
    return createTeamsChat({ ...house, settings: teams, rendering: { timeZone: 'UTC', accountOf: () => null } })
  }
  const names = platform === 'slack' ? 'SLACK_BOT_TOKEN' : 'TEAMS_APP_ID, TEAMS_APP_PASSWORD and TEAMS_TENANT_IDS'
  throw new ConfigurationWrong(`${platform} is not configured. Set ${names}, as for the running processes`)
}

/** @throws ConfigurationWrong */
async function readPolicy(file: string): Promise<Policy> {
  const reading = parsePolicy(await readFile(file, 'utf8'), file)
  if ('policy' in reading) return reading.policy
  throw new ConfigurationWrong(`The policy ${file} is not valid. See: countersign policy check ${file}`)
}

/** @throws UsageWrong */
function accountOf({ people }: Policy, id: string, platform: string): Account {
  const account = people.find((person) => person.id === id)?.accounts.find((one) => one.platform === platform)
  if (account !== undefined) return account
  throw new UsageWrong(`${oneLine(id)} has no account on ${platform} in the policy. Name somebody who has`)
}

function card(badge: string, at: number): Card {
  return {
    ...{ tone: 'info', title: 'Countersign is being tried out', badge, buttons: [] },
    facts: [{ label: 'At', value: [{ kind: 'time', at, show: 'time-seconds' }] }],
    body: [[{ kind: 'text', text: 'This is no request: there is nothing to decide.' }]],
    footer: [],
  }
}

function line(words: string): Line {
  return { tone: 'info', text: [{ kind: 'text', text: words }] }
}

/** Nobody is heard here: the running processes hear them. */
const NOBODY: Desk = {
  command: () => Promise.reject(new Error('nobody is heard here')),
  press: () => Promise.reject(new Error('nobody is heard here')),
  submit: () => Promise.reject(new Error('nobody is heard here')),
}

interface House {
  readonly db: Db
  readonly clock: Clock
  readonly desk: Desk
  readonly onFault: (what: string, error: unknown) => void
}

interface Front {
  readonly chat: Chat
  readonly trial: ChatTrial
  start(): Promise<void>
  stop(): Promise<void>
}

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../../src/db/embedded/free-port.ts'
import { type House, openHouse, until } from '../../support/house.ts'
import { LOCAL_TEAM, type LocalMessage, startLocalSlack } from './local-slack.ts'

/*
 * The story again, against a Slack that we did not write: what our fake and we might both misunderstand shows
 * here. It runs on Linux x64 alone, as the program does; what it tells is the same everywhere.
 */
const PEOPLE = ['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']
const POLICY = path.join(import.meta.dirname, '../../support/policy.yaml')
const runsHere = process.platform === 'linux' && process.arch === 'x64'
let house: House

beforeAll(async () => {
  const local = await readFile(POLICY, 'utf8')
  const linked = local.replaceAll(/\{ local: (\w+) \}/g, (_, who: string) => `{ slack: ${LOCAL_TEAM}/${userOf(who)} }`)
  house = await openHouse({ policy: linked.replace('channel: access', 'channel: C0ACCESS') })
})
afterAll(() => house.close())

it.runIf(runsHere).each([
  ['events', 'ana'],
  ['socket', 'bo'],
] as const)(
  'asked, approved with a button, given, ended and seen to be gone, told in the thread: over %s',
  async (mode, asker) => {
    const ownPort = await freePort()
    const slack = await startLocalSlack({ mode, people: PEOPLE, file: house.file(`${mode}.json`), ownPort })
    try {
      const { environment } = slack
      const address = { PORT: String(ownPort), PUBLIC_URL: `http://localhost:${ownPort}` }
      const replica = await house.startReplica({ ...environment, ...address })
      const ready = async () => (await (await fetch(`${replica.url}/readyz`)).json()) as { checks: Check[] }
      await until('it is connected', async () => slackIn(await ready())?.state === 'ok')

      await slack.command(userOf(asker), `prod-db 6s fix the <ledger> & INC-42 over ${mode}`)
      const seen = () => slack.messages('C0ACCESS')
      const isMine = (one: LocalMessage) => JSON.stringify(one.blocks).includes(`over ${mode}`)
      const card = await until('its card is there', async () => (await seen()).find(isMine))
      expect(JSON.stringify(card.blocks)).toContain('fix the <ledger> & INC-42')
      await slack.press(userOf('marcus'), card, 'approve')
      await until('there is an account', async () => (await accounts()).length === 1)

      const thread = async () => (await seen()).filter((one) => one.thread_ts === card.ts && one.ts !== card.ts)
      await until('the thread says that it is gone', async () =>
        (await thread()).some((one) => /Removed, seen to be gone/.test(one.text)),
      )
      expect(await accounts()).toEqual([])
      await until('so does the card', async () =>
        (await seen()).some((one) => isMine(one) && /had prod-db/.test(one.text)),
      )
      expect(slackIn(await ready())?.detail).toMatch(/connected.*last sent \d+ s ago/)
      await replica.stop()
    } finally {
      await slack.stop()
    }
  },
)

interface Check {
  readonly name: string
  readonly state: string
  readonly detail: string
}

function slackIn({ checks }: { checks: readonly Check[] }): Check | undefined {
  return checks.find(({ name }) => name === 'chat slack')
}

function accounts() {
  return house.targetDb`select rolname from pg_roles where rolname like 'jit\\_%'`
}

function userOf(name: string): string {
  return `U0${name.toUpperCase()}`
}

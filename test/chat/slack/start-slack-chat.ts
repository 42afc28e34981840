import { createSlackChat, type SlackChat } from '../../../src/chat/slack/slack-chat.ts'
import { closeDb, openDb } from '../../../src/db/client.ts'
import { APP_ROLE } from '../../../src/db/roles.ts'
import type { Desk, MessageRef } from '../../../src/ports/chat.ts'
import { createTestClock, type TestClock } from '../../support/clock.ts'
import { createTestDatabase } from '../../support/database.ts'
import { listen } from '../../support/listen.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { BOT_TOKEN, type FakeSlack, SIGNING_SECRET, startFakeSlack } from './fake-slack.ts'

const PEOPLE = ['U0ANA', 'U0BEN', 'U0OLGA']

/** The adapter on a port and a database of its own, against the strict fake of ours, on one clock. */
export async function startSlackChat(
  options: { desk?: Desk; startMs?: number; patienceMs?: number } = {},
): Promise<StartedSlackChat> {
  const database = await createTestDatabase()
  const db = openDb(database.appUrl, { applicationName: 'test slack', role: APP_ROLE, max: 3 })
  const clock = createTestClock(options.startMs)
  const fake = await startFakeSlack({ people: PEOPLE, now: clock.now })
  const faults: { what: string; error: unknown }[] = []
  const deleted: MessageRef[] = []
  const future: number[] = []
  const desk = options.desk ?? createScriptedDesk(clock)
  const startReplica = (botToken = BOT_TOKEN) =>
    createSlackChat({
      ...{ db, clock, desk },
      settings: { botToken, signingSecret: SIGNING_SECRET, appToken: null, apiUrl: fake.apiUrl },
      rendering: { timeZone: 'Europe/Madrid', userOf: (identity) => (identity === 'ben' ? 'U0BEN' : null) },
      // Whoever is early is told so, instead of waiting for a clock that the test moves.
      patienceMs: options.patienceMs ?? 0,
      onDeleted: async (message) => void deleted.push(message),
      onFuture: async (sentAt) => void future.push(sentAt),
      onFault: (what, error) => faults.push({ what, error }),
    })
  const slack = startReplica()
  await slack.start()
  const server = await listen(slack.router)
  return {
    ...{ slack, fake, clock, faults, deleted, future, startReplica },
    url: server.url,
    async stop() {
      await server.close()
      await slack.stop()
      await fake.stop()
      await closeDb(db)
      await database.drop()
    },
  }
}

export interface StartedSlackChat {
  readonly slack: SlackChat
  readonly fake: FakeSlack
  readonly clock: TestClock
  readonly faults: readonly { what: string; error: unknown }[]
  /** What Slack said was deleted. */
  readonly deleted: readonly MessageRef[]
  /** When it signed what is the future here. */
  readonly future: readonly number[]
  readonly url: string
  /** Another process with the same database, or one with another token. */
  startReplica(botToken?: string): SlackChat
  stop(): Promise<void>
}

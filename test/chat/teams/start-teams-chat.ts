import { createTeamsChat, type TeamsChat } from '../../../src/chat/teams/teams-chat.ts'
import { closeDb, openDb } from '../../../src/db/client.ts'
import { APP_ROLE } from '../../../src/db/roles.ts'
import type { Db } from '../../../src/db/transaction.ts'
import type { Desk } from '../../../src/ports/chat.ts'
import type { HearThread } from '../../../src/ports/thread.ts'
import { createTestClock, type TestClock } from '../../support/clock.ts'
import { createTestDatabase } from '../../support/database.ts'
import { listen } from '../../support/listen.ts'
import { createScriptedDesk } from '../scripted-desk.ts'
import { APP_PASSWORD, type FakeTeams, startFakeTeams, TENANT } from './fake-teams.ts'
import { APP_ID } from './tokens.ts'

/** The Entra object id of somebody. */
export function objectIdOf(name: string): string {
  return `00000000-0000-4000-8000-${Buffer.from(name.padEnd(6, '-')).toString('hex').slice(0, 12)}`
}

const NAMES = ['ana', 'ben', 'olga']

/** The adapter on a port and a database of its own, against the strict fake of ours, on one clock. */
export async function startTeamsChat(
  options: { desk?: Desk; startMs?: number; answerWithinMs?: number; onThread?: HearThread } = {},
): Promise<StartedTeamsChat> {
  const database = await createTestDatabase()
  const db = openDb(database.appUrl, { applicationName: 'test teams', role: APP_ROLE, max: 3 })
  const clock = createTestClock(options.startMs)
  const fake = await startFakeTeams({ people: NAMES.map(objectIdOf), now: clock.now })
  const faults: { what: string; error: unknown }[] = []
  const desk = options.desk ?? createScriptedDesk(clock)
  const startReplica = (appPassword = APP_PASSWORD) =>
    createTeamsChat({
      ...{ db, clock, desk },
      settings: {
        ...{ appId: APP_ID, appPassword, tenantIds: [TENANT] },
        ...{ openIdMetadataUrl: fake.metadataUrl, loginUrl: fake.loginUrl },
        ...{ readThreads: false, graphUrl: null },
      },
      rendering: {
        timeZone: 'Europe/Madrid',
        accountOf: (identity) => ({ platform: 'teams', tenant: TENANT, id: objectIdOf(identity) }),
      },
      onFault: (what, error) => faults.push({ what, error }),
      ...(options.onThread !== undefined && { onThread: options.onThread }),
      ...(options.answerWithinMs !== undefined && { answerWithinMs: options.answerWithinMs }),
    })
  const teams = startReplica()
  await teams.start()
  // Where the bot is: learned from the first thing that happens in the tenant.
  await db`
    insert into teams_conversation (tenant, kind, id, conversation, service_url, at)
    values (${TENANT}, 'channel', '19:other@thread.tacv2', '19:other@thread.tacv2', ${fake.serviceUrl}, 0)`
  const server = await listen(teams.router)
  return {
    ...{ teams, fake, clock, db, faults, startReplica },
    url: server.url,
    async stop() {
      await server.close()
      await teams.stop()
      await fake.stop()
      await closeDb(db)
      await database.drop()
    },
  }
}

export interface StartedTeamsChat {
  readonly teams: TeamsChat
  readonly fake: FakeTeams
  readonly clock: TestClock
  readonly db: Db
  readonly faults: readonly { what: string; error: unknown }[]
  readonly url: string
  /** Another process with the same database, or one with another password. */
  startReplica(appPassword?: string): TeamsChat
  stop(): Promise<void>
}

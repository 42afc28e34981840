import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { createLocalChat, type LocalChat } from '../../src/chat/local/local-chat.ts'
import type { Panes, RecordEvent, RecordPane, TargetPane } from '../../src/chat/local/panes.ts'
import { closeDb, openDb } from '../../src/db/client.ts'
import { APP_ROLE } from '../../src/db/roles.ts'
import type { Db } from '../../src/db/transaction.ts'
import type { Desk } from '../../src/ports/chat.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { createTestDatabase } from '../support/database.ts'
import { code, person, strong } from './example-cards.ts'
import { completions, people } from './local-people.ts'

/** The local chat on a port and a database of its own, with panes that the test fills. */
export async function startLocalChat(createDesk: (clock: TestClock) => Desk): Promise<StartedLocalChat> {
  const database = await createTestDatabase()
  const db = openDb(database.appUrl, { applicationName: 'test local chat', role: APP_ROLE, max: 5 })
  const clock = createTestClock()
  const desk = createDesk(clock)
  const panes: StartedLocalChat['panes'] = { target: emptyTarget, record: emptyRecord }
  const faults: unknown[] = []
  const replicas: Replica[] = []

  return {
    db,
    clock,
    panes,
    faults,
    startReplica,
    async stop() {
      for (const replica of replicas) await replica.stop()
      await closeDb(db)
      await database.drop()
    },
  }

  async function startReplica(port = 0): Promise<Replica> {
    const local = createLocalChat({
      db,
      clock,
      desk,
      host: '127.0.0.1',
      people: () => people,
      channels: () => ['#access', '#access-finance'],
      policyName: 'Policy acme, 3f9a1c',
      example: () => '/access prod-db 2h fix ledger INC-42',
      completion: async () => completions,
      panes: { target: async () => orThrow(panes.target), record: async () => orThrow(panes.record) } satisfies Panes,
      onFault: (what, error) => faults.push({ what, error }),
    })
    await local.start()
    const server = createServer(express().use(local.router))
    await listen(server, port)
    const replica: Replica = {
      local,
      url: `http://localhost:${(server.address() as AddressInfo).port}`,
      port: (server.address() as AddressInfo).port,
      async stop() {
        await local.stop()
        server.closeAllConnections()
        await new Promise<void>((resolve) => server.close(() => resolve()))
      },
    }
    replicas.push(replica)
    return replica
  }
}

export interface StartedLocalChat {
  readonly db: Db
  readonly clock: TestClock
  /** What the page shows beside the chat, or why it cannot: the test puts it there. */
  readonly panes: { target: TargetPane | Error; record: RecordPane | Error }
  readonly faults: unknown[]
  startReplica(port?: number): Promise<Replica>
  stop(): Promise<void>
}

export interface Replica {
  readonly local: LocalChat
  readonly url: string
  readonly port: number
  stop(): Promise<void>
}

function orThrow<T>(pane: T | Error): T {
  if (pane instanceof Error) throw pane
  return pane
}

const emptyTarget: TargetPane = { target: 'prod-db', accounts: [] }
const emptyRecord: RecordPane = { checkpoint: null, witnesses: [], events: [] }

export function exampleTarget(until: number, liveSessions: number): TargetPane {
  return {
    target: 'prod-db',
    accounts: [
      {
        account: 'cs_7k3qf',
        holder: 'Ana Silva',
        grant: 'G-7K3QF',
        holds: ['prod-db:read'],
        until,
        logins: 'open',
        liveSessions,
      },
    ],
  }
}

export function exampleRecord(now: number): RecordPane {
  const words: RecordEvent['what'][] = [
    [{ kind: 'text', text: 'Access exists: ' }, code('cs_7k3qf'), { kind: 'text', text: ' in prod-db' }],
    [{ kind: 'text', text: 'Creating the access for ' }, person('ana', 'Ana Silva')],
    [person('ben', 'Ben Okafor'), { kind: 'text', text: ' approved ' }, strong('R-7K3QF')],
    [person('ana', 'Ana Silva'), { kind: 'text', text: ' was refused: nobody signs for themselves' }],
    [person('ana', 'Ana Silva'), { kind: 'text', text: ' asked for ' }, code('prod-db:read')],
    [{ kind: 'text', text: 'Policy ' }, code('3f9a1c'), { kind: 'text', text: ' loaded' }],
    [{ kind: 'text', text: 'Countersign 0.1.0 started' }],
  ]
  return {
    checkpoint: { size: 1045, root: 'qUvHWnpw5eVTr0g1qkZ6CmM0o2V3n3yTq8kq0iWd6Ck=', signedAt: now - 1000 },
    witnesses: [{ name: 'file', strength: 'weak', size: 1044 }],
    events: words.map((what, index) => ({
      id: `event-${1045 - index}`,
      leafIndex: index === 0 ? null : 1045 - index,
      what,
      at: now - index * 7000,
      seal: index === 0 ? 'unsealed' : index === 1 ? 'sealed' : 'witnessed',
    })),
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, 'localhost', () => resolve())
  })
}

import { createHmac, randomBytes } from 'node:crypto'
import { createPolicyDirectory } from '../../src/directory/policy-directory.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { grantStream } from '../../src/domain/grant-event.ts'
import type { Policy } from '../../src/domain/policy.ts'
import type { Card, Destination, Line, MessageRef } from '../../src/ports/chat.ts'
import { createWitnessed } from '../../src/record/witnessed.ts'
import { createSealing } from '../../src/secrets/sealing.ts'
import { createPasskeys } from '../../src/web/webauthn.ts'
import type { Alarm, Context, Effect } from '../../src/workflow/context.ts'
import { appendToGrant, loadGrant } from '../../src/workflow/grant-store.ts'
import { createPeople } from '../../src/workflow/people-store.ts'
import { createPopulatedPolicy } from '../../src/workflow/populated-policy.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { createRecordDatabase, createTestSigner, type RecordDatabase } from '../record/record-fixture.ts'
import { createTestClock, type TestClock } from '../support/clock.ts'
import { testPolicy } from '../support/policy.ts'

/** What verbs work with, on a real database and a real record; chat, the clock and the policy are the test's. */
export async function createTestContext(start: number, platforms = ['local']): Promise<TestContext> {
  const database = await createRecordDatabase()
  const { app: db, record } = database
  const clock = createTestClock(start)
  const chats = platforms.map(createTestChat)
  const [chat = createTestChat('local')] = chats
  const alarms: Alarm[] = []
  const enqueued: Effect[] = []
  const key = randomBytes(32)
  let policy = testPolicy()
  let activations: { policy: Policy; by: string | null }[] = [{ policy, by: null }]
  const people = createPeople({ record, db })
  const context: Context = {
    ...{ db, record, clock, chats, publicUrl: 'http://localhost:3000' },
    passkeys: createPasskeys(() => 'http://localhost:3000'),
    witnessed: createWitnessed(createTestSigner().vkey, [createFakeWitness()]),
    lookAtWitnesses: async () => [],
    sealed: async () => undefined,
    directory: createPolicyDirectory(() => context.policy.current()),
    people,
    policy: createPopulatedPolicy(
      {
        current: () => policy,
        everActive: () => [policy],
        activations: () => activations,
        inForce: async () => policy,
        provedInForce: async () => policy,
        ownHash: () => policy.hash,
        load: async () => {},
        reload: async () => {},
        isFromRecord: () => true,
      },
      people,
    ),
    connectorOf: () => null,
    connectorToGive: () => null,
    knownTargets: () => [],
    enqueue: async (_tx, effects) => void enqueued.push(...[effects].flat()),
    committed: () => undefined,
    lanes: {
      withLane: async (key, work) => work({ key, lost: new AbortController().signal }),
      tryLane: async (key, work) => ({ value: await work({ key, lost: new AbortController().signal }) }),
      stop: async () => undefined,
    },
    sealing: { ...createSealing(key), digest: (text) => createHmac('sha256', key).update(text).digest('hex') },
    alarm: (alarm) => void alarms.push(alarm),
    observe: { act: () => undefined, chatInStep: () => undefined, fellBack: () => undefined },
    reached: async () => undefined,
    askTogether: async () => null,
  }
  return {
    ...{ context, database, clock, chat, chats, alarms, enqueued },
    setPolicy: (changed, by = null) => {
      policy = testPolicy(changed)
      activations = [{ policy, by }, ...activations]
    },
    async happen(id, ...facts) {
      const before = (await loadGrant(context, db, id))?.state ?? null
      await db.begin((tx) => appendToGrant(context, tx, id, before, facts, clock.now()))
      return grantStream(id)
    },
  }
}

/** A chat that keeps what it is told, and fails as it is told to. */
function createTestChat(platform: string): TestChat {
  const messages = new Map<string, Said>()
  let fault: TestChat['failWith'] = () => null
  const calls: string[] = []
  return {
    ...{ platform, messages, calls },
    get failWith() {
      return fault
    },
    set failWith(next) {
      fault = next
    },
    async post(to, key, message) {
      calls.push(`post ${key}`)
      const error = fault(key, to)
      if (error !== null) {
        if ('code' in error && error.code === 'maybe-sent' && !messages.has(key))
          messages.set(key, { key, to, message })
        throw error
      }
      if (!messages.has(key)) messages.set(key, { key, to, message })
      return { platform, channel: 'access', id: key }
    },
    async update(ref: MessageRef, message) {
      calls.push(`update ${ref.id}`)
      const before = messages.get(ref.id)
      const error = fault(ref.id, before?.to ?? { kind: 'channel', channel: 'access' })
      if (error !== null) throw error
      if (before !== undefined) messages.set(ref.id, { ...before, message })
    },
  }
}

interface Said {
  readonly key: string
  readonly to: Destination
  readonly message: Card | Line
}

export interface TestChat {
  readonly platform: string
  /** By key, as people see them. */
  readonly messages: Map<string, Said>
  readonly calls: string[]
  failWith: (key: string, to: Destination) => Error | null
  post(to: Destination, key: string, message: Card | Line): Promise<MessageRef>
  update(ref: MessageRef, message: Card | Line): Promise<void>
}

export interface TestContext {
  readonly context: Context
  readonly database: RecordDatabase
  readonly clock: TestClock
  /** The first, or only one. */
  readonly chat: TestChat
  readonly chats: readonly TestChat[]
  readonly alarms: Alarm[]
  readonly enqueued: readonly Effect[]
  /** @param by who activates it */
  setPolicy(changed: Partial<Policy>, by?: string | null): void
  /** Puts facts on a grant's record. @returns its stream */
  happen(id: string, ...facts: GrantEvent[]): Promise<string>
}

import { createHash } from 'node:crypto'
import { inTransaction } from '../db/in-transaction.ts'
import type { Db } from '../db/transaction.ts'
import type { ActRefused } from '../domain/grant-event.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import { type Period, readPeriod } from '../domain/period.ts'
import { personStream } from '../domain/person-event.ts'
import type { Policy } from '../domain/policy.ts'
import { populatePolicy } from '../domain/populate-policy.ts'
import { isRefused } from '../domain/refusal.ts'
import { nearest } from '../policy/did-you-mean.ts'
import { quote } from '../policy/fault.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { Clock } from '../ports/clock.ts'
import type { EventRecord } from '../record/record.ts'
import { toDraft } from './grant-store.ts'
import { readEverybody } from './people-store.ts'
import { foldPolicies, textOf } from './policy-in-force.ts'

/** What an act of the command line works with. */
export interface NamedSurroundings {
  readonly db: Db
  readonly record: EventRecord
  readonly clock: Clock
  readonly committed: () => void
}

/**
 * Does one act for a person who was named, not proved: whoever reaches the keys may name anybody, and the
 * record says who was named. They must be active in the policy in force; a refusal is kept as in chat.
 * @param act in words that follow "tried to"
 * @throws NamedActRefused
 */
export async function performNamed<T>(
  around: NamedSurroundings,
  { by, act }: { readonly by: string; readonly act: string },
  run: (policy: Policy) => Promise<T>,
): Promise<T> {
  let known = false
  try {
    const policy = await policyOfNow(around)
    requireActive(policy, by)
    known = true
    return await run(policy)
  } catch (error) {
    if (error instanceof NamedActRefused) await keepRefusal(around, known ? by : null, by, act, error)
    throw error
  }
}

function requireActive(policy: Policy, id: string): void {
  const person = policy.people.find((one) => one.id === id)
  if (person?.status === 'active') return
  const active = policy.people.filter((one) => one.status === 'active').map((one) => one.id)
  const meant = nearest(id, active)
  const known = `Known are ${active.slice(0, MOST_NAMED).join(', ')}${active.length > MOST_NAMED ? ', …' : ''}`
  throw new NamedActRefused(
    person === undefined ? 'unknown-person' : 'left',
    person === undefined
      ? `${quote(id)} is no person of the policy in force. ${meant === null ? known : `Did you mean ${meant}? ${known}`}`
      : `${id} (${person.name}) has left, by the policy in force. ${known}`,
  )
}

const MOST_NAMED = 20

/** The active policy; where its text is erased or of another version, the newest that can be read, or nobody could mend it. */
async function policyOfNow({ db, record }: NamedSurroundings): Promise<Policy> {
  const events = await record.readStream(db, POLICY_STREAM)
  const { active, loaded } = foldPolicies(events)
  for (const hash of [active, ...[...loaded].reverse()]) {
    const text = hash === null ? null : textOf(events, hash)
    const reading = text === null ? null : parsePolicy(text, 'policy')
    if (reading !== null && 'policy' in reading) return populatePolicy(reading.policy, await readEverybody(record, db))
  }
  throw new NoPolicyOnRecord('There is no policy on the record yet, so nobody is known. Start a process first')
}

async function keepRefusal(
  { db, record, clock, committed }: NamedSurroundings,
  by: string | null,
  said: string,
  act: string,
  { code, facts }: NamedActRefused,
): Promise<void> {
  const fact: ActRefused = {
    type: 'act.refused',
    data: { by, act, code, facts, said: by === null ? said : '' },
  }
  const stranger = createHash('sha256').update(said).digest('hex').slice(0, 32)
  const stream = by === null ? `stranger:${stranger}` : personStream(by)
  await inTransaction(db, { timeoutMs: 10_000 }, (tx) => record.append(tx, stream, null, [toDraft(fact)], clock.now()))
  committed()
}

/** @param now epoch ms @throws NamedActRefused where it is none */
export function readNamedPeriod(said: string, now: number, timeZone: string): Period {
  const period = readPeriod(said, now, timeZone)
  if (!isRefused(period)) return period
  const { refused } = period
  const words = refused.code === 'malformed' ? `${refused.what} is not valid. Write ${refused.expected}` : refused.code
  throw new NamedActRefused('malformed', words)
}

/** An expected no: the message says what to do. */
export class NamedActRefused extends Error {
  override name = 'NamedActRefused'
  readonly code: string
  /** For the record: no free texts. */
  readonly facts: Readonly<Record<string, unknown>>
  constructor(code: string, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.code = code
    this.facts = facts
  }
}

export class NoPolicyOnRecord extends Error {
  readonly code = 'NO_POLICY_ON_RECORD'
  override name = 'NoPolicyOnRecord'
}

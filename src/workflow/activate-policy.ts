import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { foldGrant, type GrantState, isOpen } from '../domain/grant-state.ts'
import { POLICY_STREAM, type PolicyFact } from '../domain/house-event.ts'
import type { Policy, Target } from '../domain/policy.ts'
import { sameServer } from '../domain/same-server.ts'
import { decideActivation, type PolicyState } from '../policy/activation.ts'
import { diffPolicies } from '../policy/diff.ts'
import { formatFault } from '../policy/fault.ts'
import { parsePolicy } from '../policy/parse-policy.ts'
import { openStreams } from '../record/find-streams.ts'
import type { EventRecord } from '../record/record.ts'
import { type RecordedEvent, RecordTampered } from '../record/recorded-event.ts'
import { decideAgain } from './decide-again.ts'
import { readable } from './grant-store.ts'
import { NamedActRefused, performNamed } from './named-act.ts'
import { appendPolicyFacts, foldPolicies, type PolicySurroundings, provePolicies, textOf } from './policy-in-force.ts'

/**
 * A named person puts a policy that is on the record into force. From its commit on, processes with
 * another file hold their decisions, and those with this one decide.
 * @param start the first digits of its hash
 * @throws NamedActRefused
 */
export async function activatePolicy(around: PolicySurroundings, start: string, by: string): Promise<PolicyActivated> {
  const activated = await performNamed(around, { by, act: 'activate a policy' }, () =>
    decideAgain(() => inTransaction(around.db, { timeoutMs: 10_000 }, (tx) => activate(around, tx, start, by))),
  )
  around.committed()
  return activated
}

async function activate(around: PolicySurroundings, tx: Tx, start: string, by: string): Promise<PolicyActivated> {
  const unproved = await whyUnproved(around, tx)
  const events = await around.record.readStream(tx, POLICY_STREAM)
  const state = foldPolicies(events)
  const policy = choose(state, start)
  // Which one is in force is then what this person says, also when it seems to be in force.
  const decided = decideActivation(unproved === null ? state : { ...state, active: null }, policy, by)
  if ('code' in decided) throw new NamedActRefused(decided.code, `${short(policy)} is in force already`, { policy })
  const text = textOf(events, policy)
  const formerOf = rememberPolicies(events)
  await refuseToStrand(
    around.record,
    tx,
    read(policy, text),
    (grant) => formerOf(grant.access?.policy ?? null) ?? formerOf(state.active),
  )
  const data = { policy, by, ...(unproved !== null && { unproved }) }
  const facts = decided.map((): PolicyFact => ({ type: 'policy.activated', data }))
  await appendPolicyFacts(around, tx, events.length, facts)
  const before = state.active
  const textBefore = before === null ? null : textOf(events, before)
  return {
    ...{ policy, before, unproved, diff: diffPolicies(textBefore ?? '', text ?? '') },
    seq: events.length + facts.length,
  }
}

/**
 * Null when nobody deleted an event of the policies. Where that cannot be shown any more, because of what somebody did
 * to the record, nothing is given by any process that starts, until a person says which policy is in force.
 */
async function whyUnproved(around: PolicySurroundings, tx: Tx): Promise<string | null> {
  try {
    await provePolicies(around, tx)
    return null
  } catch (error) {
    if (error instanceof RecordTampered) return error.message
    throw error
  }
}

function choose({ loaded }: PolicyState, start: string): string {
  const found = [...loaded].filter((hash) => hash.startsWith(start))
  const [policy] = found
  if (policy !== undefined && found.length === 1) return policy
  if (found.length > 1) {
    throw new NamedActRefused('ambiguous', `${start} begins ${found.length} policies. Give more digits of the hash`)
  }
  throw new NamedActRefused(
    'never-loaded',
    `The policy ${start.slice(0, 12)} is not on the record. Let a process read that file first: start one with POLICY_FILE, or change the file of one that runs and wait 15 seconds`,
    { policy: start },
  )
}

function read(policy: string, text: string | null): Policy {
  if (text === null) {
    throw new NamedActRefused('text-erased', `The text of ${short(policy)} was erased. Write a new file`, { policy })
  }
  const reading = parsePolicy(text, short(policy))
  if ('policy' in reading) return reading.policy
  const why = reading.faults.slice(0, 3).map((fault) => formatFault(short(policy), fault))
  throw new NamedActRefused('not-valid', `This version does not accept it: ${why.join('; ')}`, { policy })
}

/** What a policy of the past said, if its text is still there and this version reads it. */
function rememberPolicies(events: readonly RecordedEvent[]): (hash: string | null) => Policy | null {
  const known = new Map<string, Policy | null>()
  return (hash) => {
    if (hash === null) return null
    const text = known.has(hash) ? null : textOf(events, hash)
    const reading = text === null ? null : parsePolicy(text, short(hash))
    if (!known.has(hash)) known.set(hash, reading !== null && 'policy' in reading ? reading.policy : null)
    return known.get(hash) ?? null
  }
}

/** An access whose target nobody knows any more, or would look for on another server, could not be taken away. */
async function refuseToStrand(
  record: EventRecord,
  tx: Tx,
  next: Policy,
  givenBy: (grant: GrantState) => Policy | null,
): Promise<void> {
  const streams = await openStreams(tx, {
    prefix: 'grant:',
    startedBy: 'request.asked',
    notEndedBy: ['closed'],
  })
  const stranded = (await readEach(record, tx, streams)).flatMap(([stream, events]) => {
    const grant = fold(stream, events)
    if (grant === null || !isOpen(grant) || grant.status === 'pending') return []
    const why = whyStranded(grant.target, next, givenBy(grant))
    return why === null ? [] : [{ ...grant, why }]
  })
  if (stranded.length === 0) return
  const named = stranded.slice(0, 10).map(({ id, target, entitlement, status, why }) => {
    return `${id} is ${status} on ${target}:${entitlement}, and the policy ${short(next.hash)} ${why}`
  })
  const more = stranded.length > 10 ? `\nand ${stranded.length - 10} more` : ''
  const first = stranded[0]?.id ?? ''
  throw new NamedActRefused(
    'grants-open',
    `${named.join('\n')}${more}\nNobody could take that access away. End it (/access end ${first}) and wait until it is removed; or keep the target as it is, and add a new server under another name`,
    { policy: next.hash, grants: stranded.map(({ id }) => id) },
  )
}

function whyStranded(name: string, next: Policy, given: Policy | null): string | null {
  const there = targetIn(next, name)
  if (there === null) return `has no target ${name}`
  const before = given === null ? null : targetIn(given, name)
  if (before === null || sameServer(there, before)) return null
  const [from, to] = [before, there].map(({ connector: { kind, url } }) => `${kind} at ${url}`)
  return `says that ${name} is ${to}, while the access was given at ${from}`
}

function targetIn(policy: Policy, name: string): Target | null {
  return Object.hasOwn(policy.targets, name) ? (policy.targets[name] ?? null) : null
}

/** What somebody changed is taken away wherever it is, and keeps no policy from being activated. */
async function readEach(record: EventRecord, tx: Tx, streams: readonly string[]): Promise<[string, RecordedEvent[]][]> {
  const read: [string, RecordedEvent[]][] = []
  for (const stream of streams) {
    try {
      read.push([stream, await record.readStream(tx, stream)])
    } catch (error) {
      if (!(error instanceof RecordTampered)) throw error
    }
  }
  return read
}

function fold(stream: string, events: readonly RecordedEvent[]): GrantState | null {
  const id = grantOfStream(stream)
  return id === null ? null : foldGrant(id, events.map(readable))
}

function short(hash: string): string {
  return hash.slice(0, 12)
}

export interface PolicyActivated {
  readonly policy: string
  /** What was in force until now. */
  readonly before: string | null
  /** Why nobody could show that no event of the policies is gone; null when it was shown. */
  readonly unproved: string | null
  /** Unified, with two lines around each change. */
  readonly diff: string
  /** Its place in the policies' stream. */
  readonly seq: number
}

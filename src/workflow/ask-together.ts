import { requestLine } from '../cards/request-line.ts'
import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { type Ask, decideAsk, findEntitlement } from '../domain/decide-ask.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { PlatformTime } from '../domain/platform-time.ts'
import type { Policy } from '../domain/policy.ts'
import { isRefused } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { freezeOn, wasEverFrozen } from './freezes.ts'
import { appendToGrants } from './grant-store.ts'
import { loadRoster } from './roster.ts'
import { noteHeard } from './where-to-tell.ts'

const MOST_IN_ONE = 32
/** One is written while the next comes together. */
const AWAITED = 2
/** Whoever has an answer often asks again: the others of a half are waited for so long at most. */
const GATHER_MS = 4
/** One that takes longer is awaited no more: the next goes all the same. */
const SLOW_MS = 250
const AT_ONCE = 4
/** Leaves time to do it by itself before the person has to be told to wait. */
const BUDGET_MS = 1_000

/**
 * Writes asks that come in at the same time in one transaction: each with its act's key, its events and its answer, and
 * committed before any of them is answered. A short cut for what nothing speaks against: a repeat, a refusal, a person
 * who is in the middle of something else, one with an open request, and everybody where something fails, go the
 * ordinary way, by themselves.
 */
export function createAskTogether(context: Context): AskTogether {
  const waiting: Waiting[] = []
  let [underWay, awaited, asksUnderWay] = [0, 0, 0]
  /** How many ask at the same time, as far as was seen lately. */
  let crowd = 0
  let gathering: NodeJS.Timeout | null = null

  /** Half of those who ask go together, so that the other half has its turn to come in meanwhile. */
  function flush(): void {
    if (!mayGo()) return
    crowd = Math.max(crowd, waiting.length + asksUnderWay)
    if (waiting.length >= crowd / 2) go()
    else gathering ??= setTimeout(gathered, GATHER_MS)
  }

  function gathered(): void {
    gathering = null
    if (mayGo()) go()
  }

  function mayGo(): boolean {
    return waiting.length > 0 && awaited < AWAITED && underWay < AT_ONCE
  }

  function go(): void {
    if (gathering !== null) clearTimeout(gathering)
    gathering = null
    const some = waiting.splice(0, Math.min(Math.ceil(crowd / 2), MOST_IN_ONE))
    crowd -= 1
    underWay += 1
    awaited += 1
    asksUnderWay += some.length
    let slow = false
    const timer = setTimeout(() => {
      slow = true
      awaited -= 1
      flush()
    }, SLOW_MS)
    void write(context, some).finally(() => {
      clearTimeout(timer)
      underWay -= 1
      asksUnderWay -= some.length
      if (!slow) awaited -= 1
      flush()
    })
    flush()
  }

  return (asking) =>
    new Promise((resolve, reject) => {
      waiting.push({ ...asking, resolve, reject })
      setImmediate(flush)
    })
}

async function write(context: Context, some: readonly Waiting[]): Promise<void> {
  try {
    const decided = await decideAll(context, some)
    const answers = await inTransaction(context.db, { timeoutMs: BUDGET_MS }, (tx) => writeIn(context, tx, decided))
    if (answers.size > 0) context.committed()
    for (const asking of some) {
      const answer = answers.get(asking.id) ?? null
      if (answer !== null) await asking.after()
      asking.resolve(answer)
    }
  } catch (error) {
    // Whether it was recorded must be looked up before it is done again.
    const isUnknown = classifyFailure(error) === 'unknown'
    for (const asking of some) isUnknown ? asking.reject(error) : asking.resolve(null)
  }
}

/** By the policy that is known here, which is looked up along with everything else, once something is to be written. */
async function decideAll(context: Context, some: readonly Asking[]): Promise<Decisions> {
  const policy = context.policy.current()
  const now = context.clock.now()
  const asks: Decided[] = []
  for (const asking of some) {
    const decided = await decide(context, asking, policy, now)
    // Everything about one person is decided one after the other.
    if (decided !== null && asks.every(({ by, key }) => by !== decided.by && key !== decided.key)) asks.push(decided)
  }
  return { policy, now, asks }
}

/** @returns the answers, by the id of the request, of those that were written */
async function writeIn(context: Context, tx: Tx, { policy, now, asks }: Decisions): Promise<Map<string, Answer>> {
  const targets = asks.map(({ target }) => target)
  const [repeated, inForce, everFrozen, free] = await Promise.all([
    findActs(tx, asks),
    context.policy.inForce(tx),
    wasEverFrozen(tx, targets),
    lockFree(tx, asks),
  ])
  if (inForce !== policy || (everFrozen && (await freezeOn(context, tx, ...targets)) !== null)) return new Map()
  const plain = asks.filter(({ by, key }) => free.has(by) && !repeated.has(key))
  const steps = plain.map(({ id, facts, time }) => ({ id, before: null, facts, ...time }))
  const names = namesOf(context)
  const keys = new Map(asks.map(({ id, key }) => [id, key]))
  const answers = new Map<string, Answer>()
  await appendToGrants(context, tx, steps, now, (states) => {
    const rows = states.map((state) => {
      const answer: Answer = { kind: 'line', line: requestLine(state, true, names) }
      answers.set(state.id, answer)
      const key = keys.get(state.id) ?? ''
      return { key, answer: context.sealing.seal(JSON.stringify(answer), `act:${key}`).toString('hex') }
    })
    return tx`
      insert into act (key, at, answer)
      select key, ${now}, decode(answer, 'hex')
      from unnest(${rows.map(({ key }) => key)}::text[], ${rows.map(({ answer }) => answer)}::text[]) as act (key, answer)
      order by key`
  })
  const heard = plain.filter(({ id }) => answers.has(id)).map(({ by, platform }) => ({ identity: by, platform }))
  await noteHeard(context, tx, heard)
  for (const { id, before } of plain) if (answers.has(id)) await before()
  return answers
}

async function findActs(tx: Tx, asks: readonly Decided[]): Promise<Set<string>> {
  const rows = await tx<{ key: string }[]>`
    select key from act where key = any(${asks.map(({ key }) => key)}::text[])`
  return new Set(rows.map(({ key }) => key))
}

/** Null for whatever is not a plain yes: why not is found out, said and recorded the ordinary way. */
async function decide(context: Context, asking: Asking, policy: Policy, now: number): Promise<Decided | null> {
  const { act, words, id } = asking
  const by = await context.directory.byAccount(act.account)
  if (by === null || by.status === 'left') return null
  const entitled = findEntitlement(policy, words.target, words.entitlement)
  if (isRefused(entitled)) return null
  const { target, entitlement } = entitled
  const roster = await loadRoster(context, policy, target.name, entitlement.approvals, by.id)
  const facts = decideAsk({ ...words, by: by.id, for: by.id }, roster, policy, now)
  if (isRefused(facts)) return null
  return {
    id,
    key: act.key,
    by: by.id,
    platform: act.account.platform,
    time: act.platformAt === undefined ? {} : { platformAt: act.platformAt },
    target: target.name,
    entitlement: entitlement.name,
    facts,
    before: asking.before,
  }
}

/**
 * Locks the rows of those persons that nobody else has locked, and looks what they have open, in this order.
 * @returns who is locked and has nothing open of what is asked for
 */
async function lockFree(tx: Tx, asks: readonly Decided[]): Promise<Set<string>> {
  const ids = asks.map(({ by }) => by)
  const [, locked, open] = await Promise.all([
    tx`
      insert into identity_lock (id) select id from unnest(${ids}::text[]) as person (id)
      where not exists (select from identity_lock l where l.id = person.id) order by id on conflict do nothing`,
    tx<{ id: string }[]>`
      select id from identity_lock where id = any(${ids}::text[]) order by id for update skip locked`,
    tx<{ id: string }[]>`
      select a.id
      from unnest(
        ${ids}::text[], ${asks.map(({ target }) => target)}::text[], ${asks.map((ask) => ask.entitlement)}::text[]
      ) as a (id, target, entitlement)
      where exists (
        select from grant_state g where g.open_for = a.id and g.target = a.target and g.entitlement = a.entitlement
      )`,
  ])
  const having = new Set(open.map(({ id }) => id))
  return new Set(locked.map(({ id }) => id).filter((id) => !having.has(id)))
}

interface Decisions {
  readonly policy: Policy
  readonly now: number
  readonly asks: readonly Decided[]
}

interface Decided extends Pick<Asking, 'before'> {
  readonly id: string
  readonly key: string
  readonly by: string
  readonly platform: string
  readonly time: PlatformTime
  readonly target: string
  readonly entitlement: string
  readonly facts: readonly GrantEvent[]
}

interface Asking {
  readonly act: Act
  readonly words: Omit<Ask, 'by' | 'for'>
  /** Of the request to be. */
  readonly id: string
  /** Called before and after the commit. */
  readonly before: () => Promise<void>
  readonly after: () => Promise<void>
}

interface Waiting extends Asking {
  readonly resolve: (answer: Answer | null) => void
  readonly reject: (error: unknown) => void
}

/** @returns the answer of what is committed; null when nothing was written. @throws when that cannot be known */
export type AskTogether = (asking: Asking) => Promise<Answer | null>

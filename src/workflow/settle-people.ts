import { inTransaction } from '../db/in-transaction.ts'
import { countable } from '../domain/decide-signature.ts'
import { grantOfStream, grantStream } from '../domain/grant-event.ts'
import { type GrantState, isOpen } from '../domain/grant-state.ts'
import type { IdentityEvent } from '../domain/identity-event.ts'
import type { IdentityState, Leaving } from '../domain/identity-state.ts'
import { heldPersons, knownAs } from '../domain/populate-policy.ts'
import { RetryLater } from '../effects/effect.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { findOpenOnRecord } from './find-open-on-record.ts'
import { loadGrant } from './grant-store.ts'
import { noteFileLeavers } from './note-file-leavers.ts'
import { noteMachines } from './note-machines.ts'
import { reconcileGrant } from './reconcile-target.ts'
import { reconsider, standingIn, takeGround } from './reconsider.ts'
import { changePeople } from './write-people.ts'

/** An ask or a signature that was under way when somebody left has committed, or given up, by then. */
const SETTLED_AFTER_MS = 5_000
const AGAIN_MS = 250
const MOST_AGAIN_MS = 30_000
const AT_ONCE = 8

/**
 * Decides again what one person has open: requests, grants, and what waits for their signature. Of somebody who left,
 * everything is closed or ends now, their signatures are void, their machines are orphaned, and the moments of the
 * leaving are put on record. Trusts no table: what is open is read from the record. Every step may be done again.
 * @param attempt of the effect, 1 for the first
 * @throws RetryLater while something of a leaver is left
 */
export async function settlePerson(context: Context, id: string, attempt: number): Promise<void> {
  await context.lanes.withLane(`person:${id}`, async () => {
    await noteMachines(context)
    const who = await idsOf(context, id)
    const { open, tampered } = await findOpenOnRecord(context, context.db, (state) => isAbout(state, who))
    await settleEach(context, open)
    const leaving = (await context.people.look(context.db)).persons.get(id)?.left ?? null
    if (leaving === null || leaving.seenGoneAt !== null) return
    // A grant whose record was changed does not say whose it is: it is taken away without it.
    for (const grant of tampered) await reconcileGrant(context, grant)
    await unlinkAll(context, who)
    await finish(context, id, who, leaving, Math.min(AGAIN_MS * 2 ** (attempt - 1), MOST_AGAIN_MS))
  })
}

/** The same for everybody: after a policy was activated, or a group changed. */
export async function settlePeople(context: Context): Promise<void> {
  await context.lanes.withLane('people', async () => {
    await noteFileLeavers(context)
    await noteMachines(context)
    const { open } = await findOpenOnRecord(context, context.db, () => true)
    await settleEach(context, open)
    await tellVoided(context, open)
    await sweepPeople(context)
  })
}

/** Nothing is decided by it: what a policy does not count any more is only said, on the cards. */
async function tellVoided(context: Context, open: readonly GrantState[]): Promise<void> {
  const { targets } = context.policy.current()
  for (const { id, status, target, entitlement, signatures, extension } of open) {
    const stepUp = Object.hasOwn(targets, target) ? targets[target]?.entitlements[entitlement]?.stepUp : undefined
    const given = status === 'pending' ? signatures : extension?.status === 'pending' ? extension.signatures : []
    if (stepUp === undefined || countable(given, stepUp).length === given.length) continue
    await context.db.begin((tx) => context.enqueue(tx, { kind: 'announce', stream: grantStream(id) }))
  }
}

/** The net: whoever left and is not seen to be gone is looked at again, should a job have been lost. */
export async function sweepPeople(context: Context): Promise<void> {
  await noteFileLeavers(context)
  await noteMachines(context)
  const people = await context.people.look(context.db)
  tellHeld(context)
  const late = [...people.persons.values()].filter(({ left }) => left !== null && left.seenGoneAt === null)
  for (const { id } of late) await context.db.begin((tx) => context.enqueue(tx, { kind: 'settle-person', person: id }))
}

/** Whom nobody can place acts for nobody until the policy or the directory says who they are: told once a process. */
function tellHeld(context: Context): void {
  const told = heldTold.get(context.people) ?? new Set()
  heldTold.set(context.people, told)
  for (const { id } of heldPersons(context.policy.current(), context.people.current())) {
    if (told.has(id)) continue
    told.add(id)
    const detail = `${id} of the directory may be somebody who is here already (the same name, or the same mailbox), and is nobody until that is settled: see docs/directory.md`
    context.alarm({ what: 'person-ambiguous', detail, grant: null })
  }
}

const heldTold = new WeakMap<object, Set<string>>()

/** By both names, where the policy ties a person of the file to one of the directory. */
async function idsOf(context: Context, id: string): Promise<ReadonlySet<string>> {
  const people = await context.people.look(context.db)
  return new Set([id, knownAs(context.policy.current(), people, id)])
}

function isAbout(state: GrantState, who: ReadonlySet<string>): boolean {
  const others = [...state.approvers.map((one) => one.id), ...state.signatures.map((one) => one.by)]
  return [state.for, state.by, ...(state.status === 'pending' ? others : [])].some((id) => who.has(id))
}

/** One failure does not stop the others. */
async function settleEach(context: Context, open: readonly GrantState[]): Promise<void> {
  const queue = open.filter((state) => state.status !== 'ending')
  const failures: unknown[] = []
  const worker = async () => {
    for (let state = queue.shift(); state !== undefined; state = queue.shift()) {
      try {
        if (await takeGround(context, state)) await context.reached('leave:after-each')
        await reconsider(context, state)
      } catch (error) {
        if (!(error instanceof RecordTampered)) failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, queue.length) }, worker))
  if (failures.length > 0) throw failures[0]
}

/** Whoever comes back begins anew: nothing that was linked before is theirs by itself. */
async function unlinkAll(context: Context, who: ReadonlySet<string>): Promise<void> {
  const people = context.people.current()
  const standing = standingIn(context)
  const linked = [...who].filter((id) => (people.persons.get(id)?.accounts.length ?? 0) > 0)
  if (linked.length === 0 || ![...who].every((id) => standing(id) !== 'active')) return
  await change(context, linked, (state) =>
    state.accounts.map(({ platform, tenant, account }): IdentityEvent => {
      return { type: 'account.unlinked', data: { platform, tenant, account, because: 'left' } }
    }),
  )
}

/** Puts on record when the last of it was closed, and when the last access was seen to be gone. */
async function finish(
  context: Context,
  id: string,
  who: ReadonlySet<string>,
  leaving: Leaving,
  againMs: number,
): Promise<void> {
  const settlesInMs = leaving.receivedAt + SETTLED_AFTER_MS - context.clock.now()
  if (leaving.endedAt === null && settlesInMs > 0) throw new RetryLater(settlesInMs)
  const { open } = await findOpenOnRecord(context, context.db, (state) => who.has(state.for) || who.has(state.by))
  if (open.some(({ status }) => status !== 'ending')) throw new RetryLater(againMs)
  if (leaving.endedAt === null) {
    const ended = { ...(await endedSince(context, who, leaving.receivedAt)), machines: await machinesOf(context, who) }
    await context.reached('leave:before-ended')
    await change(context, [id], ({ left }) => (left === null || left.endedAt !== null ? [] : [endedFact(ended, left)]))
    await context.reached('leave:after-ended')
  }
  if (open.length > 0) throw new RetryLater(againMs)
  const { grants, goneAt } = await goneSince(context, id)
  await change(context, [id], ({ left }): IdentityEvent[] => {
    if (left === null || left.seenGoneAt !== null) return []
    const lagMs = Math.max(0, goneAt - (left.effectiveAt ?? left.receivedAt))
    return [{ type: 'leaving.seen-gone', data: { grants, when: goneAt, lagMs } }]
  })
  await context.reached('leave:after-seen-gone')
}

async function change(
  context: Context,
  ids: readonly string[],
  decide: (state: IdentityState) => readonly IdentityEvent[],
): Promise<void> {
  await decideAgain(() =>
    inTransaction(context.db, { timeoutMs: 10_000 }, (tx) =>
      changePeople(context, tx, context.clock.now(), (stage) => {
        for (const id of ids) {
          const state = stage.person(id)
          if (state !== null) stage.write(id, decide(state))
        }
      }),
    ),
  )
  context.committed()
}

async function machinesOf(context: Context, who: ReadonlySet<string>): Promise<string[]> {
  const { machines } = await context.people.look(context.db)
  const theirs = [...machines.values()].filter(({ status, owner }) => status === 'orphaned' && who.has(owner))
  return theirs.map(({ id }) => id).slice(0, MOST_IDS)
}

interface Ended {
  readonly requests: string[]
  readonly grants: string[]
  readonly approvals: string[]
  readonly lastAt: number
}

function endedFact({ lastAt, ...of }: Ended & { readonly machines: string[] }, left: Leaving): IdentityEvent {
  const lagMs = Math.max(0, lastAt - (left.effectiveAt ?? left.receivedAt))
  return { type: 'leaving.ended', data: { ...of, when: lastAt, lagMs } }
}

/** Ids in one event: far from what a body may hold. */
const MOST_IDS = 2_000

/** What the leaving closed, what it ends, and which requests lost an approver by it. */
async function endedSince(context: Context, who: ReadonlySet<string>, since: number): Promise<Ended> {
  const rows = await context.db<{ stream: string; at: number }[]>`
    select stream, max(at) as at from event
    where at >= ${since} and type in ('request.lapsed', 'grant.ending', 'request.approvers-changed', 'request.signature-void')
    group by stream order by stream`
  const found: Ended = { requests: [], grants: [], approvals: [], lastAt: since }
  let lastAt = since
  for (const { stream, at } of rows) {
    const id = grantOfStream(stream)
    const loaded = id === null ? null : await loadGrant(context, context.db, id)
    if (id === null || loaded === null) continue
    const { state, events } = loaded
    const isTheirs = who.has(state.for) || who.has(state.by)
    const waited = events.some((event) => {
      if (event.type === 'request.asked' || event.type === 'request.approvers-changed') {
        return event.data.approvers.some((one) => who.has(one.id))
      }
      return event.type === 'request.signature-void' && who.has(event.data.by)
    })
    const list = isTheirs ? (state.access === null ? found.requests : found.grants) : waited ? found.approvals : null
    if (list === null || list.length >= MOST_IDS) continue
    list.push(id)
    lastAt = Math.max(lastAt, at)
  }
  return { ...found, lastAt }
}

async function goneSince(context: Context, id: string): Promise<{ grants: number; goneAt: number }> {
  const left = (await context.people.look(context.db)).persons.get(id)?.left ?? null
  const grants = left?.grants ?? []
  let goneAt = left?.endedAt ?? left?.receivedAt ?? 0
  for (const grant of grants) {
    const state = (await loadGrant(context, context.db, grant))?.state ?? null
    if (state !== null && !isOpen(state)) goneAt = Math.max(goneAt, state.ending?.goneAt ?? 0)
  }
  return { grants: grants.length, goneAt }
}

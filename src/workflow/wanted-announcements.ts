import type { Announcement } from '../cards/announcement.ts'
import { announceGrant } from '../cards/announcements.ts'
import { announcePolicies } from '../cards/policy-announcements.ts'
import type { Undelivered } from '../cards/untold.ts'
import { DAY } from '../domain/duration.ts'
import { grantOfStream } from '../domain/grant-event.ts'
import { isOpen } from '../domain/grant-state.ts'
import { POLICY_STREAM } from '../domain/house-event.ts'
import { cardContext, namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant, readable } from './grant-store.ts'
import { readPolicyFacts } from './policy-in-force.ts'

/** What is only unreachable is tried for as long as the grant is open, and this much longer. */
const TRIED_AFTER_THE_END_MS = DAY

/** What chat should show of one stream, by the record. */
export interface Wanted {
  readonly wanted: readonly Announcement[]
  readonly seq: number
  /** Epoch ms; null while there is no end of trying. */
  readonly triedUntil: number | null
  /** Of every event of the stream, by its place. */
  readonly times: readonly number[]
  /** What could not be delivered or did not stay. */
  readonly undelivered: readonly Undelivered[]
}

export async function wantedAnnouncements(context: Context, stream: string): Promise<Wanted> {
  const beside = (await context.record.readStream(context.db, besideStream(stream))).map(readable)
  const undelivered = beside.filter(
    (event): event is Undelivered => event.type === 'notice.undeliverable' || event.type === 'notice.deleted',
  )
  if (stream === POLICY_STREAM) return { ...(await policyAnnouncements(context)), undelivered }
  const id = grantOfStream(stream)
  const loaded = id === null ? null : await loadGrant(context, context.db, id)
  if (id === null || loaded === null) return { wanted: [], seq: 0, triedUntil: null, times: [], undelivered }
  const { state, events } = loaded
  const wanted = announceGrant(id, events, cardContext(context), undelivered)
  const triedUntil = isOpen(state) ? null : lastOf(events) + TRIED_AFTER_THE_END_MS
  return { wanted, seq: state.seq, triedUntil, times: events.map(({ at }) => at), undelivered }
}

/** A stream that is over takes no more facts: what could not be delivered of it is kept beside it. */
export function besideStream(stream: string): string {
  return `undelivered:${stream}`
}

async function policyAnnouncements(context: Context): Promise<Omit<Wanted, 'undelivered'>> {
  const facts = await readPolicyFacts(context.record, context.db)
  const wanted = announcePolicies(facts, context.policy.current().channel, namesOf(context))
  const times = facts.map(({ at }) => at)
  return { wanted, seq: facts.length, triedUntil: lastOf(facts) + TRIED_AFTER_THE_END_MS, times }
}

function lastOf(events: readonly { readonly at: number }[]): number {
  return events.at(-1)?.at ?? 0
}

import type { Db, Tx } from '../db/transaction.ts'
import type { KeptText } from '../domain/erasure-event.ts'
import { PRIVATE_PATHS } from '../domain/grant-event.ts'
import { identityStream } from '../domain/identity-event.ts'
import { KEEPING_STREAM } from '../domain/keeping-event.ts'
import type { Hold } from '../domain/keeping-state.ts'
import { type Kept, type WhyKept, whyNotErased } from '../domain/may-erase.ts'
import { personStream } from '../domain/person-event.ts'
import type { Policy } from '../domain/policy.ts'
import { findPrivateTexts, type PrivateTexts } from '../record/private-texts.ts'
import type { Context } from './context.ts'
import { keptBeside, NOBODYS } from './keep-beside.ts'
import { keptOf } from './keeping-store.ts'

/** The private texts about a person, or written by them: those that may be erased now, and by stream why others stay. */
export interface FoundTexts {
  readonly erasable: readonly PrivateTexts[]
  readonly kept: readonly KeptText[]
}

/**
 * Finds what is personal of a person on record, and sorts it. The texts of policies and of holds are left out: those are
 * the house's own. @param options.most streams that are looked at, the oldest first: for a first look, which must be quick
 * @throws RecordTampered
 */
export async function findTexts(
  context: Context,
  db: Db | Tx,
  person: string,
  { holds, policy, now, most = Infinity }: { holds: readonly Hold[]; policy: Policy; now: number; most?: number },
): Promise<FoundTexts> {
  const all = await findPrivateTexts(db, {
    ...{ person, streams: [identityStream(person), personStream(person)] },
    ...{ asked: 'request.asked', types: Object.keys(PRIVATE_PATHS) },
  })
  const looked = new Set([...new Set(all.map(({ stream }) => stream))].slice(0, most))
  const found = all.filter(({ stream }) => looked.has(stream))
  const grants = await keptOf(context, db, looked, policy)
  const erasable: PrivateTexts[] = []
  const kept = new Map<string, WhyKept>()
  const verdicts = new Map<string, WhyKept | null>()
  const judge = async (stream: string) => {
    const known = verdicts.get(stream)
    if (known !== undefined) return known
    const what = grants.get(stream) ?? (await ofPerson(context, db, person, stream, policy))
    const why = whyNotErased({ ...what, persons: [...what.persons, person] }, holds, now)
    verdicts.set(stream, why)
    return why
  }
  const own = identityStream(person)
  for (const text of found) {
    if (text.stream === KEEPING_STREAM || text.stream === own) continue
    const why = await judge(text.stream)
    if (why === null) erasable.push(text)
    else kept.set(text.stream, why)
  }
  // Who somebody was is needed for as long as what they did is: the last of it says until when.
  const profile = found.filter(({ stream }) => stream === own)
  const why = profile.length === 0 ? null : ((await judge(own)) ?? latest([...kept.values()]))
  if (why === null) erasable.push(...profile)
  else kept.set(own, why)
  return { erasable, kept: [...kept].map(([stream, why]) => ({ stream, ...why })) }
}

function latest(whys: readonly WhyKept[]): WhyKept | null {
  const [first] = whys.toSorted((a, b) => (b.until ?? Infinity) - (a.until ?? Infinity))
  return first ?? null
}

/** What belongs to no grant: a profile stays while its person is here. */
async function ofPerson(context: Context, db: Db | Tx, person: string, stream: string, policy: Policy): Promise<Kept> {
  if (stream !== identityStream(person)) return keptBeside(context, db, stream, policy)
  const isHere = policy.people.some(({ id, status }) => id === person && status === 'active')
  return { ...NOBODYS, endedAt: isHere ? null : 0 }
}

import type { KeptBy } from '../domain/independence.ts'
import type { Clock } from '../ports/clock.ts'
import type { Witness } from '../ports/witness.ts'

/** What a witness is worth is looked at again after this. */
const FRESH_MS = 5 * 60_000

/**
 * Who keeps the checkpoints, and whether the operators could rewrite them there. A witness that cannot be looked at is
 * called weak: nothing is said to be independent that was not seen to be.
 * @param onNews is told what was seen at the first look, and whenever it is another than before; again at the next look where that failed
 */
export function createWitnessLook(
  witnesses: readonly Witness[],
  { origin, clock, onNews = async () => undefined }: LookOptions,
): WitnessLooks {
  let last: { readonly at: number; readonly seen: Promise<KeptBy[]> } | null = null
  let told = ''
  function tell(seen: readonly KeptBy[]): void {
    const said = JSON.stringify(seen)
    if (said === told) return
    told = said
    onNews(seen).catch(() => {
      told = ''
    })
  }
  return async () => {
    const now = clock.now()
    if (last === null || now - last.at > FRESH_MS) {
      const looking = Promise.all(witnesses.map((witness) => look(witness, origin)))
      last = { at: now, seen: looking }
      tell(await looking)
    }
    const seen = await last.seen
    return seen.map((one, place) => ({ ...one, ...clockOf(witnesses[place]) }))
  }
}

async function look(witness: Witness, origin: string): Promise<KeptBy> {
  const { name, administeredBy } = witness
  const strength = await witness.look(origin).then(
    (seen) => seen.strength,
    () => 'weak' as const,
  )
  return { witness: name, strength, administeredBy }
}

/** Its last answer: the one that confirmed the checkpoint on which an access is given, or a later one. */
function clockOf(witness: Witness | undefined): Pick<KeptBy, 'clock'> {
  const clock = witness?.clock?.() ?? null
  return clock === null ? {} : { clock }
}

interface LookOptions {
  readonly origin: string
  readonly clock: Clock
  readonly onNews?: (seen: readonly KeptBy[]) => Promise<void>
}

export type WitnessLooks = () => Promise<readonly KeptBy[]>

import { type Part, type PartFact, type ProvedFact, type StoryEvent, utc } from './conclusion.ts'
import { SYSTEM_STREAM } from './house-event.ts'
import { countIndependent, type KeptBy, keptByInWords } from './independence.ts'

/**
 * Who kept the checkpoints before and while a story went on, and who administers that. From single events, each proved by
 * itself; of an access its own events say it, as it was when it began.
 */
export function concludeWitnesses(own: readonly StoryEvent[], singles: readonly ProvedFact[]): Part[] {
  const looks = looksAt(own, singles)
  if (looks.length === 0) return []
  const least = Math.min(...looks.map(({ keptBy }) => countIndependent(keptBy)))
  const says =
    least === 0
      ? 'not independent: whoever runs Countersign could rewrite all of them'
      : `${least} independent, or more`
  const facts = looks.map(
    ({ at, keptBy }): PartFact => ({ label: 'Kept by', value: `${utc(at)}: ${keptByInWords(keptBy)}` }),
  )
  return [{ title: 'Witnesses', standing: 'shown', says, facts }]
}

/** What is not shown of who keeps the evidence of a story that is of no access. */
export function witnessesNotProved(own: readonly StoryEvent[], singles: readonly ProvedFact[]): string[] {
  const looks = looksAt(own, singles)
  if (looks.length > 0)
    return ['the witnesses: what each was worth is what Countersign saw when it looked. Ask whoever administers them']
  return ['the witness: these events do not say where else the checkpoint is kept. A file on the same machine is weak']
}

/** The last look before the story, and those while it went on. */
function looksAt(own: readonly StoryEvent[], singles: readonly ProvedFact[]): Look[] {
  const [first, last] = [own[0], own.at(-1)]
  if (first === undefined || last === undefined) return []
  const all = singles.filter(({ stream, type, data }) => {
    return stream === SYSTEM_STREAM && type === 'witnesses.seen' && Array.isArray(data.keptBy)
  })
  const before = all.findLast(({ leafIndex }) => leafIndex < first.leafIndex)
  const during = all.filter(({ leafIndex }) => leafIndex > first.leafIndex && leafIndex < last.leafIndex)
  return [...(before === undefined ? [] : [before]), ...during].map(({ at, data }) => ({
    at,
    keptBy: data.keptBy as readonly KeptBy[],
  }))
}

interface Look {
  readonly at: number
  readonly keptBy: readonly KeptBy[]
}

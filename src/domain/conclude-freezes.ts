import type { Names } from './conclude-people.ts'
import { concludeStory } from './conclude-story.ts'
import { type Clause, lastOf, type Part, type PartFact, type ProvedEvent, utc, worst } from './conclusion.ts'
import { EVERYWHERE, type FreezeEvent, freezeStream, targetOfFreeze } from './freeze-event.ts'

/**
 * Reads what was proved of the freezes of one target: since when the last one holds, and whether each that was lifted
 * was lifted by two distinct persons.
 */
export const concludeFreezes = concludeStory<FreezeEvent>(targetOfFreeze, ({ id: target, own, names, targets }) => {
  const on = target === EVERYWHERE ? 'every target' : targets(target)
  const freezes = episodes(own)?.map((events) => freezePart(events, on, names))
  if (freezes === undefined) return null
  return {
    about: freezeStream(target),
    line: lineOf(target, freezes),
    standing: worst(freezes.map(({ standing }) => standing)),
    begins: freezes,
    goesOn: [],
    notProved: [
      'that nothing was given meanwhile: the evidence of the target for that period shows it',
      'that whoever acted might: the events say as what, by the policy that they name',
    ],
  }
})

type Event = ProvedEvent<FreezeEvent>

function lineOf(target: string, all: readonly Part[]): string {
  const last = all.at(-1)
  const before = all.slice(0, -1).filter(({ standing }) => standing === 'broken').length
  const often = all.length === 1 ? 'frozen once' : `frozen ${all.length} times`
  const what = target === EVERYWHERE ? `everything ${often}` : often
  return [
    all.length === 1 ? what : `${what}, the last time`,
    last?.says ?? '',
    ...(before === 0 ? [] : [`${before} of those before NOT lifted by two persons`]),
  ].join(', ')
}

/** Each from its setting to the next one. Null where they do not begin with one. */
function episodes(own: readonly Event[]): Event[][] | null {
  if (own[0]?.type !== 'freeze.set') return null
  const all: Event[][] = []
  for (const event of own) {
    if (event.type === 'freeze.set') all.push([event])
    else all.at(-1)?.push(event)
  }
  return all
}

function freezePart(events: readonly Event[], on: string, names: Names): Part {
  const set = events[0] as Extract<Event, { type: 'freeze.set' }>
  const lifted = lastOf(events, 'freeze.lifted')
  const checks = lifted === undefined ? [] : checksOf(events, lifted)
  const clause = clauseOf(set, lifted?.data.by ?? null, checks)
  const facts: PartFact[] = [
    { label: 'On', value: on },
    { label: 'By', value: `${names(set.data.by)} as ${set.data.as.join(' and ')} (${set.data.assurance})` },
    { label: 'When', value: utc(set.at) },
    { label: 'Why', value: set.data.reason },
    ...events.flatMap((event): PartFact[] => {
      if (event.type === 'freeze.lift-asked') {
        const { by, as, askedUntil, assurance } = event.data
        const value = `${utc(event.at)} by ${names(by)} as ${as.join(' and ')} (${assurance}), good until ${utc(askedUntil)}`
        return [{ label: 'First to lift it', value }]
      }
      if (event.type !== 'freeze.lifted') return []
      return [
        {
          label: 'Lifted',
          value: `${utc(event.at)} by ${event.data.by.map(names).join(' and ')} (${event.data.assurance})`,
        },
      ]
    }),
    ...checks.map(({ holds, asks }) => ({ label: 'Checked', value: `${asks}: ${holds ? 'yes' : 'NO'}` })),
  ]
  return { title: `Frozen on ${utc(set.at)}`, standing: clause.standing, says: clause.words, facts }
}

function clauseOf(
  set: Event,
  lifted: readonly string[] | null,
  checks: readonly { readonly holds: boolean }[],
): Clause {
  if (lifted === null) return { words: `frozen since ${utc(set.at)}, not lifted`, standing: 'open' }
  if (checks.every(({ holds }) => holds)) return { words: 'lifted by two persons', standing: 'shown' }
  return { words: 'NOT lifted by two persons', standing: 'broken' }
}

function checksOf(events: readonly Event[], lifted: Extract<Event, { type: 'freeze.lifted' }>) {
  const [first, second] = lifted.data.by
  const asked = lastOf(
    events.filter(({ seq }) => seq < lifted.seq),
    'freeze.lift-asked',
  )
  return [
    { asks: 'by two distinct persons', holds: lifted.data.by.length === 2 && first !== second },
    { asks: 'the first had signed before', holds: asked?.data.by === first },
    { asks: 'their signature was still good', holds: asked !== undefined && lifted.at < asked.data.askedUntil },
  ]
}

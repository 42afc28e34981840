import { type GrantEvent, type Placed, PRIVATE_PATHS } from './grant-event.ts'
import { splitPlatformTime } from './platform-time.ts'

/** What the record of one grant, order, finding or target's freezes comes to: each part by itself, and all in one line. */
export interface Conclusion {
  /** Its id. */
  readonly about: string
  /** `authorised, ended on time, seen gone`, or what of it fails or is open. */
  readonly line: string
  /** The worst of its parts. */
  readonly standing: Standing
  /** In the order of the story. */
  readonly parts: readonly Part[]
  /** What nobody can know from these events, each in one sentence without its full stop. */
  readonly notProved: readonly string[]
}

/** `shown` by the events; `open`: it may still come; `unclear`: the events do not tell; `broken`: they say the contrary. */
export type Standing = 'shown' | 'open' | 'unclear' | 'broken'

export interface Part {
  readonly title: string
  readonly standing: Standing
  /** One sentence without its full stop. */
  readonly says: string
  readonly facts: readonly PartFact[]
}

export interface PartFact {
  readonly label: string
  /** May hold what people typed: escape it wherever it is shown. */
  readonly value: string
}

/** One of the three things that a grant must come to, as the line says it. */
export interface Clause {
  readonly words: string
  readonly standing: Standing
}

/** An event that a verifier found genuine, with the texts that were revealed for it. */
export interface ProvedFact {
  readonly stream: string
  readonly seq: number
  readonly type: string
  /** Epoch milliseconds. */
  readonly at: number
  readonly leafIndex: number
  readonly data: Readonly<Record<string, unknown>>
  /** By member of `data`. */
  readonly texts: Readonly<Record<string, string>>
}

/** A fact of the story's own stream, with its texts in their places. */
export type ProvedEvent<Event = GrantEvent> = Placed<Event> & { readonly leafIndex: number }

export type EventOf<Type extends GrantEvent['type']> = Extract<ProvedEvent, { type: Type }>

/** An event of any story, as far as all of them are alike. */
export type StoryEvent = Pick<ProvedFact, 'type' | 'at' | 'leafIndex' | 'data'>

export function allOf<E extends { readonly type: string }, Type extends E['type']>(
  events: readonly E[],
  type: Type,
): Extract<E, { type: Type }>[] {
  return events.filter((event): event is Extract<E, { type: Type }> => event.type === type)
}

export function lastOf<E extends { readonly type: string }, Type extends E['type']>(
  events: readonly E[],
  type: Type,
): Extract<E, { type: Type }> | undefined {
  return allOf(events, type).at(-1)
}

const WORST: readonly Standing[] = ['broken', 'unclear', 'open', 'shown']

export function worst(standings: readonly Standing[]): Standing {
  return WORST.find((one) => standings.includes(one)) ?? 'shown'
}

/** `2026-11-21T14:03:07.123Z` @param at epoch ms */
export function utc(at: number): string {
  return Number.isFinite(at) && Math.abs(at) <= 8.64e15 ? new Date(at).toISOString() : `${at} ms`
}

/** What an event says in words under a name, or what is said where it says none. */
export function word(value: unknown, otherwise: string): string {
  return typeof value === 'string' ? value : otherwise
}

/** A text that is not here reads so. */
export function readable<Event = GrantEvent>({ stream: _, texts, ...fact }: ProvedFact): ProvedEvent<Event> {
  const { data, time } = splitPlatformTime(fact.data)
  for (const path of PRIVATE_PATHS[fact.type] ?? []) {
    if (typeof data[path] !== 'string') data[path] = texts[path] ?? '(not in this file)'
  }
  return { ...fact, data, ...time } as unknown as ProvedEvent<Event>
}

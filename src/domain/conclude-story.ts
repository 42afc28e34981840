import type { KnownPolicies } from './conclude-authorised.ts'
import { concludeBeside } from './conclude-beside.ts'
import { concludeHouse } from './conclude-house.ts'
import { concludePeople, type Names, namesIn, targetNamesIn } from './conclude-people.ts'
import { concludePolicy } from './conclude-policy.ts'
import { concludeThread } from './conclude-thread.ts'
import { concludeWitnesses, witnessesNotProved } from './conclude-witnesses.ts'
import {
  type Conclusion,
  type Part,
  type ProvedEvent,
  type ProvedFact,
  readable,
  type StoryEvent,
} from './conclusion.ts'
import { listNotProved } from './list-not-proved.ts'

/**
 * Reads stories of one kind. What a story comes to, `tell` says from its own events; around that stand the parts that all
 * kinds have: who they were, by which policy, the thread, the house, and what else is on record. Pure, from the events
 * alone: the state tables, the policy and the people who run it have no say.
 * @param idOf the id in the name of a stream of this kind, or null
 * @param tell null where the events are in no form that this version knows
 */
export function concludeStory<Event extends Pick<StoryEvent, 'type' | 'data'>>(
  idOf: (stream: string) => string | null,
  tell: (story: Story<Event>) => Telling | null,
): ReadStory {
  function conclude(facts: readonly ProvedFact[], policies: KnownPolicies, singles: readonly ProvedFact[]) {
    const stream = facts.find((fact) => idOf(fact.stream) !== null)?.stream ?? ''
    const id = idOf(stream)
    if (id === null) return null
    const own = facts.filter((fact) => fact.stream === stream).map((fact) => readable<Event>(fact))
    const beside = facts.filter((fact) => fact.stream !== stream)
    const names = namesIn(policies)
    const telling = tell({ id, own, beside, policies, names, targets: targetNamesIn(policies) })
    if (telling === null) return null
    const { about, line, standing, begins, goesOn, notProved, kept } = telling
    const parts = [
      ...begins,
      ...concludePeople(own, policies),
      concludePolicy(own, policies, singles),
      ...goesOn,
      ...(kept === undefined ? concludeWitnesses(own, singles) : []),
      ...concludeThread(beside, names),
      ...concludeHouse(own, singles),
      ...concludeBeside(own, beside, names),
    ]
    return {
      ...{ about, line, standing, parts },
      notProved: listNotProved({
        first: notProved,
        kept: kept ?? witnessesNotProved(own, singles),
        own,
        beside,
        facts,
        singles,
        policies,
      }),
    }
  }
  return (facts, policies, singles = []) => unlessOdd(() => conclude(facts, policies, singles))
}

/**
 * @param facts of the story and those beside it, in the order of the log
 * @param policies those whose text came along with a proof
 * @param singles of other streams, each proved by itself
 * @returns null where the events are of no story of this kind, or are not in a form that this version knows
 */
export type ReadStory = (
  facts: readonly ProvedFact[],
  policies: KnownPolicies,
  singles?: readonly ProvedFact[],
) => Conclusion | null

/** What was proved of one story. */
interface Story<Event> {
  readonly id: string
  /** Of its own stream, in their order. */
  readonly own: readonly ProvedEvent<Event>[]
  readonly beside: readonly ProvedFact[]
  readonly policies: KnownPolicies
  /** Of persons and machines. */
  readonly names: Names
  readonly targets: Names
}

/** What the events of one story come to. */
interface Telling extends Pick<Conclusion, 'about' | 'line' | 'standing'> {
  /** Before it is said who they were, and by which policy. */
  readonly begins: readonly Part[]
  readonly goesOn: readonly Part[]
  /** What weighs most of what nobody can know of a story of this kind. */
  readonly notProved: readonly string[]
  /** What is not shown of who keeps the evidence, where its own events say who does. */
  readonly kept?: readonly string[]
}

/** Whoever holds the keys can add an event of any form; where this version does not know it, nothing is concluded. */
function unlessOdd(read: () => Conclusion | null): Conclusion | null {
  try {
    const conclusion = read()
    return conclusion?.parts.every(isText) ? conclusion : null
  } catch (error) {
    if (error instanceof TypeError || error instanceof RangeError) return null
    throw error
  }
}

/** A member that should be a text, and is none, comes out as it went in. */
function isText({ facts }: Part): boolean {
  return facts.every(({ label, value }) => typeof label === 'string' && typeof value === 'string')
}

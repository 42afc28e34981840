import type { RangeLeaf } from './read-range.ts'
import { parseOrNull } from './recorded-event.ts'
import { type Body, belongsTo, type PopulationClaim } from './verify.ts'

/**
 * The first events of all grants and requests of a period, in the order of the log. Read off the sealed bodies, never off
 * tables that are folded from them.
 * @param pages of the range that `findRange` found
 */
export async function* findMembers(pages: AsyncIterable<readonly RangeLeaf[]>, of: Selection): AsyncGenerator<Member> {
  for await (const page of pages) {
    for (const { leafIndex, body } of page) {
      const event = body?.includes(ASKED) ? parseOrNull(body) : null
      if (event !== null && belongsTo(of, event)) yield { ...event, leafIndex }
    }
  }
}

/** Canonical bodies spell it in one way. */
const ASKED = '"type":"request.asked"'

/** Which of them; `person` and `target` are null for all. A person's are those that they asked for and those they hold. */
export type Selection = Pick<PopulationClaim, 'from' | 'until' | 'person' | 'target'>

export type Member = Body & { readonly leafIndex: number }

import type { Db } from '../db/transaction.ts'
import type { LeafRange } from './find-range.ts'
import { createLogSource } from './log-source.ts'
import { parseOrNull } from './recorded-event.ts'
import { type Body, belongsTo, type PopulationClaim } from './verify.ts'

/**
 * The first events of all grants and requests of a period, in the order of the log. Read off the sealed bodies, each the
 * one that its leaf was made of, never off tables that are folded from them.
 * @param range from `findRange`
 * @throws TreeDamaged
 */
export async function* findMembers(db: Db, origin: string, range: LeafRange, of: Selection): AsyncGenerator<Member> {
  let leafIndex = range.first
  for await (const page of createLogSource(db).entries(origin, range.first, range.end)) {
    for (const entry of page) {
      const body = entry.includes(ASKED) ? parseOrNull(entry.toString()) : null
      if (body !== null && belongsTo(of, body)) yield { ...body, leafIndex }
      leafIndex++
    }
  }
}

/** Canonical bodies spell it in one way. */
const ASKED = Buffer.from('"type":"request.asked"')

/** Which of them; `person` and `target` are null for all. A person's are those that they asked for and those they hold. */
export type Selection = Pick<PopulationClaim, 'from' | 'until' | 'person' | 'target'>

export type Member = Body & { readonly leafIndex: number }

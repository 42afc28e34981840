import type { DigestFacts } from '../domain/digest-event.ts'
import { type DigestList, LIST_NAMES, TO_LOOK_AT } from '../domain/digest-lists.ts'
import type { Digest } from './read-digest.ts'

/** Of each list that must be looked at, so many are named on the card. */
export const NAMED_ON_A_CARD = 5

/** What goes on record of a digest, and onto its card. */
export function digestFacts({ period, counts, rows, events, checkpoint, check, conclusion }: Digest): DigestFacts {
  const { name: week, from, until, timeZone } = period
  const some = <T>(of: (list: DigestList) => T | null, lists = LIST_NAMES) =>
    Object.fromEntries(
      lists.flatMap((list) => {
        const value = of(list)
        return value === null ? [] : [[list, value]]
      }),
    ) as Partial<Record<DigestList, T>>
  return {
    ...{ week, from, until, timeZone, ...conclusion, events },
    counts: some((list) => counts.counts[list] || null),
    first: some((list) => idsOf(rows.get(list) ?? []), [...TO_LOOK_AT]),
    ...{ approveMs: counts.approveMs, days: counts.days },
    checkpoint: checkpoint && { size: checkpoint.size, root: checkpoint.root },
    check: check && { ok: check.ok, at: check.at, size: check.size },
  }
}

function idsOf(rows: readonly { readonly stream: string }[]): string[] | null {
  const ids = [...new Set(rows.map(({ stream }) => stream.replace(/^(grant|finding|order|digest):/, '')))]
  return ids.length === 0 ? null : ids.slice(0, NAMED_ON_A_CARD)
}

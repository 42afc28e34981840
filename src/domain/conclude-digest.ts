import type { DigestCounts } from './count-digest.ts'
import { counted } from './counted.ts'
import { CHANGED, type DigestList, TO_LOOK_AT } from './digest-lists.ts'

/**
 * What a digest comes to, in one line; `broken` where somebody must look.
 * @param recordWhole what the newest check of the record found; null when there was none
 */
export function concludeDigest(
  { counts }: Pick<DigestCounts, 'counts'>,
  recordWhole: boolean | null,
): { readonly line: string; readonly standing: 'shown' | 'unclear' | 'broken' } {
  const wrong = [
    ...(recordWhole === false ? ['the record differs from what was witnessed'] : []),
    ...TO_LOOK_AT.flatMap((list) => (counts[list] === 0 ? [] : [SAID[list]?.(counts[list]) ?? list])),
  ]
  const happened = `${counts.asked} asked, ${counts.granted} given, ${counts.ended} ended`
  if (wrong.length > 0) return { line: `To look at: ${wrong.join(', ')}. ${happened}`, standing: 'broken' }
  // That somebody looks is no event of the week.
  const quiet = Object.entries(counts).every(([list, count]) => count === 0 || list === 'opened')
  const unchecked = recordWhole === null ? '. The record was not checked by schedule yet' : ''
  const standing = recordWhole === null ? 'unclear' : 'shown'
  if (quiet) return { line: `An empty period: nothing was asked, given, ended or changed${unchecked}`, standing }
  const changes = CHANGED.reduce((sum, list) => sum + counts[list], 0)
  const changed = changes === 0 ? 'nothing changed' : counted(changes, 'change')
  const ended = counts.ended === 0 ? '' : ', all on time and seen gone'
  return { line: `Nothing to look at: ${happened}${ended}, ${changed}${unchecked}`, standing }
}

const SAID: Readonly<Partial<Record<DigestList, (count: number) => string>>> = {
  'not-as-recorded': (count) => `${counted(count, 'event')} not as recorded`,
  'open-findings': (count) => counted(count, 'open finding'),
  unacknowledged: (count) => `${counted(count, 'digest')} nobody acknowledged`,
  stuck: (count) => `${count} stuck`,
  late: (count) => `${count} ended late`,
  unproved: (count) => `${count} not seen gone`,
  'cannot-tell': (count) => `${counted(count, 'look')} without an answer`,
  orphans: (count) => `${count} without a grant`,
  'not-independent': (count) => `${count} given without independent witnesses`,
  'break-glass': (count) => `${count} break-glass`,
}

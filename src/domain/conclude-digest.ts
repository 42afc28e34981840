import type { DigestCounts } from './count-digest.ts'
import { CHANGED, type DigestList, TO_LOOK_AT } from './digest-lists.ts'

/** What a digest comes to, in one line; `broken` where somebody must look. */
export function concludeDigest(
  { counts }: Pick<DigestCounts, 'counts'>,
  around: { readonly openFindings: number; readonly recordWhole: boolean | null },
): { readonly line: string; readonly standing: 'shown' | 'unclear' | 'broken' } {
  const wrong = [
    ...(around.recordWhole === false ? ['the record differs from what was witnessed'] : []),
    ...(around.openFindings === 0 ? [] : [counted(around.openFindings, 'open finding')]),
    ...TO_LOOK_AT.flatMap((list) => (counts[list] === 0 ? [] : [SAID[list]?.(counts[list]) ?? list])),
  ]
  const happened = `${counts.asked} asked, ${counts.granted} given, ${counts.ended} ended`
  if (wrong.length > 0) return { line: `To look at: ${wrong.join(', ')}. ${happened}`, standing: 'broken' }
  const quiet = Object.values(counts).every((count) => count === 0)
  const unchecked = around.recordWhole === null ? '. The record was not checked by schedule yet' : ''
  const standing = around.recordWhole === null ? 'unclear' : 'shown'
  if (quiet) return { line: `An empty period: nothing was asked, given, ended or changed${unchecked}`, standing }
  const changes = CHANGED.reduce((sum, list) => sum + counts[list], 0)
  const changed = changes === 0 ? 'nothing changed' : counted(changes, 'change')
  const ended = counts.ended === 0 ? '' : ', all on time and seen gone'
  return { line: `Nothing to look at: ${happened}${ended}, ${changed}${unchecked}`, standing }
}

/** `1 finding`, `2 findings`. */
function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

const SAID: Readonly<Partial<Record<DigestList, (count: number) => string>>> = {
  'not-as-recorded': (count) => `${counted(count, 'event')} not as recorded`,
  alarms: (count) => counted(count, 'alarm'),
  stuck: (count) => `${count} stuck`,
  late: (count) => `${count} ended late`,
  unproved: (count) => `${count} not seen gone`,
  'cannot-tell': (count) => `${counted(count, 'look')} without an answer`,
  orphans: (count) => `${count} without a grant`,
  'not-independent': (count) => `${count} given without independent witnesses`,
  undelivered: (count) => `${counted(count, 'message')} not delivered`,
  'break-glass': (count) => `${count} break-glass`,
}

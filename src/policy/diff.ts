import { structuredPatch } from 'diff'

/** A policy is written by hand: a longer line is not there to be read. */
const MOST_LINE_CHARACTERS = 500

/**
 * What changed between two policy texts, as a unified diff with two lines around each change, for the
 * record and for people. Bounded: long lines are cut, past `maxLines` the rest is counted, not shown; empty when nothing changed.
 */
export function diffPolicies(before: string, after: string, maxLines = 200): string {
  if (before === after) return ''
  // Two files with next to nothing in common would take long to compare and tell nobody anything.
  const patch = structuredPatch('', '', before, after, '', '', { context: 2, maxEditLength: 1000 })
  if (patch === undefined) return `Rewritten: ${count(before)} lines before, ${count(after)} after`
  const lines = patch.hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ])
  const shown = lines.slice(0, maxLines).map(shorten)
  if (lines.length <= maxLines) return shown.join('\n')
  return [...shown, `… ${lines.length - maxLines} more lines`].join('\n')
}

function shorten(line: string): string {
  return line.length <= MOST_LINE_CHARACTERS ? line : `${line.slice(0, MOST_LINE_CHARACTERS)}…`
}

function count(text: string): number {
  return text === '' ? 0 : text.replace(/\n$/, '').split('\n').length
}

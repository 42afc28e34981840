import type { Bench, Bound, Measured } from './bench.ts'
import { rounded } from './statistics.ts'

/** The figures for people: what was measured, what it must keep to, and the absolute numbers behind it. */
export function tableOf(results: readonly { readonly bench: Bench; readonly measured: Measured }[]): string {
  const rows = results.flatMap(({ bench, measured }) =>
    bench.bounds.map((bound) => {
      const value = measured.figures[bound.figure] ?? Number.NaN
      return [bound.figure, String(rounded(value)), inWords(bound), verdict(bound, value)]
    }),
  )
  const widths = [0, 1, 2].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  )
  const behind = results.flatMap(({ measured }) =>
    Object.entries(measured.behind).map(([figure, words]) => `  ${figure}: ${words}`),
  )
  return `\n${lines.join('\n')}\n\n${behind.join('\n')}\n`
}

function inWords({ most, least }: Bound): string {
  if (most !== undefined) return `at most ${most}`
  return least === undefined ? '' : `at least ${least}`
}

function verdict({ most, least }: Bound, value: number): string {
  if (most === undefined && least === undefined) return ''
  return (most === undefined || value <= most) && (least === undefined || value >= least) ? 'kept' : 'MISSED'
}

import type { Standing } from './conclusion.ts'
import { worst } from './conclusion.ts'

/** So many ids stand in the line: the table has the rest. */
const MOST_NAMED = 3

/**
 * What all grants and requests of a period come to, in one line: how many, then what they came to, those that are as they
 * must be first, and by name those that are not.
 * @param rows one a grant, in any order
 */
export function concludePopulation(rows: readonly PopulationMember[]): { line: string; standing: Standing } {
  if (rows.length === 0) return { line: 'nothing was asked for', standing: 'shown' }
  const groups = new Map<string, PopulationMember[]>()
  for (const row of rows) groups.set(wordsOf(row), [...(groups.get(wordsOf(row)) ?? []), row])
  const parts = [...groups]
    .sort(([, a], [, b]) => rankOf(a) - rankOf(b) || b.length - a.length)
    .map(([words, some]) => `${some.length} ${words}${rankOf(some) < 2 ? '' : `: ${named(some)}`}`)
  return {
    line: `${rows.length} asked for: ${parts.join('; ')}`,
    standing: worst(rows.map(({ standing }) => standing)),
  }
}

/** The line of each, without what differs from grant to grant. */
function wordsOf({ line, standing, given }: PopulationMember): string {
  if (!given && standing === 'shown') return 'never given'
  if (!given && standing === 'open') return 'not given yet'
  return line
    .replace(/ late by [^,]+/, ' late')
    .replace(/ \(due [^)]+\)/, '')
    .replace(/, with \d+ left behind/, ', with something left behind')
}

function rankOf([first]: readonly PopulationMember[]): number {
  if (first === undefined) return 0
  if (first.standing === 'shown') return first.given ? 0 : 1
  return first.standing === 'open' ? 2 : first.standing === 'unclear' ? 3 : 4
}

function named(rows: readonly PopulationMember[]): string {
  const ids = rows.slice(0, MOST_NAMED).map(({ grant }) => grant)
  return rows.length > MOST_NAMED ? `${ids.join(', ')} and ${rows.length - MOST_NAMED} more` : ids.join(', ')
}

export interface PopulationMember {
  readonly grant: string
  /** Its own conclusion. */
  readonly line: string
  readonly standing: Standing
  /** Whether the access may ever have existed. */
  readonly given: boolean
}

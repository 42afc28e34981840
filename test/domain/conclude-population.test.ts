import { expect, it } from 'vitest'
import { concludePopulation, type PopulationMember } from '../../src/domain/conclude-population.ts'

const GOOD = 'authorised, ended on time, seen gone'
const row = (grant: string, line = GOOD, standing: PopulationMember['standing'] = 'shown', given = true) => ({
  ...{ grant, line, standing, given },
})

it.each<[string, string, PopulationMember[]]>([
  ['nothing was asked for', 'shown', []],
  ['2 asked for: 2 authorised, ended on time, seen gone', 'shown', [row('G-1'), row('G-2')]],
  [
    '4 asked for: 2 authorised, ended on time, seen gone; 2 never given',
    'shown',
    [
      row('G-1', 'denied by marcus, never given', 'shown', false),
      row('G-2'),
      row('G-3'),
      row('G-4', 'x', 'shown', false),
    ],
  ],
  [
    '4 asked for: 1 authorised, ended on time, seen gone; 3 authorised, ended late, seen gone: G-1, G-2, G-4',
    'broken',
    [
      row('G-1', 'authorised, ended late by 5.001 s, seen gone', 'broken'),
      row('G-2', 'authorised, ended late by 3m, seen gone', 'broken'),
      row('G-3'),
      row('G-4', 'authorised, ended late by 7.5 s, seen gone', 'broken'),
    ],
  ],
  [
    '2 asked for: 1 authorised, not yet ended, not proved to be gone: G-1; 1 not given yet: G-2',
    'open',
    [
      row('G-1', 'authorised, not yet ended (due 2027-01-15T10:00:00.000Z), not proved to be gone', 'open'),
      row('G-2', 'not authorised yet, to be decided by 2027-01-15T09:00:00.000Z, not given yet', 'open', false),
    ],
  ],
  [
    '1 asked for: 1 never decided, found there again: G-1',
    'broken',
    [row('G-1', 'never decided, found there again', 'broken', false)],
  ],
])('%s', (line, standing, rows) => {
  expect(concludePopulation(rows)).toEqual({ line, standing })
})

it('names three of many, and how many more', () => {
  const { line } = concludePopulation(
    ['G-1', 'G-2', 'G-3', 'G-4', 'G-5'].map((id) => row(id, 'NOT authorised', 'broken')),
  )
  expect(line).toBe('5 asked for: 5 NOT authorised: G-1, G-2, G-3 and 2 more')
})

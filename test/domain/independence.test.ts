import { expect, it } from 'vitest'
import { countIndependent, keptByInWords, lackOfIndependence } from '../../src/domain/independence.ts'

const file = { witness: 'file', strength: 'weak', administeredBy: 'Operations' } as const
const audit = { witness: 's3:audit', strength: 'independent', administeredBy: 'Internal Audit' } as const
const second = { ...audit, witness: 's3:audit-2' }
const auditor = { witness: 's3:auditor', strength: 'independent', administeredBy: 'The auditor' } as const

it('counts who administers, not how many places they have', () => {
  expect(countIndependent([])).toBe(0)
  expect(countIndependent([file])).toBe(0)
  expect(countIndependent([file, audit, second])).toBe(1)
  expect(countIndependent([audit, auditor])).toBe(2)
  const spelt = ['internal audit', 'Internal  Audit ', 'Internal\u200b Audit', 'Ｉnternal Audit']
  expect(countIndependent([audit, ...spelt.map((administeredBy) => ({ ...audit, administeredBy }))])).toBe(1)
})

it.each([
  [0, [], null],
  [0, [file], null],
  [1, [file], 'not independent: 1 witness out of the operators’ reach should keep the evidence, and 0 did'],
  [1, [file, audit], null],
  [2, [audit, second], 'not independent: 2 witnesses out of the operators’ reach should keep the evidence, and 1 did'],
  [2, [audit, auditor], null],
])('of %i needed, with %j: %s', (needed, keptBy, lack) => {
  expect(lackOfIndependence({ needed, keptBy })).toBe(lack)
})

it('says of each witness what it is worth, whose it is, and its time beside ours', () => {
  const theirs = Date.UTC(2026, 10, 22, 14, 3, 7)
  expect(keptByInWords([{ ...audit, clock: { theirs, ours: theirs + 250 } }])).toBe(
    's3:audit (independent, administered by Internal Audit, its clock at 2026-11-22T14:03:07.000Z when ours was at 2026-11-22T14:03:07.250Z)',
  )
  expect(keptByInWords([file, audit])).toBe(
    'file (weak, administered by Operations), s3:audit (independent, administered by Internal Audit)',
  )
})

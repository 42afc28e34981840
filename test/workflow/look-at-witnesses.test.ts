import { expect, it } from 'vitest'
import type { KeptBy, TwoClocks } from '../../src/domain/independence.ts'
import { type Witness, WitnessUnreachable } from '../../src/ports/witness.ts'
import { createWitnessLook } from '../../src/workflow/look-at-witnesses.ts'
import { createFakeWitness } from '../record/fake-witness.ts'
import { createTestClock } from '../support/clock.ts'

const ORIGIN = 'test.example/log'

it('looks again after five minutes, believes a witness only as far as it was seen, and tells its time of now', async () => {
  const clock = createTestClock(0)
  const held = {
    looks: 0,
    strength: 'independent' as Witness['strength'],
    isThere: true,
    clock: null as TwoClocks | null,
  }
  const bucket: Witness = {
    ...createFakeWitness(),
    ...{ name: 's3:audit', administeredBy: 'Internal Audit', strength: 'independent' },
    clock: () => held.clock,
    look: async () => {
      held.looks += 1
      if (!held.isThere) throw new WitnessUnreachable('no answer')
      return { strength: held.strength, faults: [], seen: [], newest: null }
    },
  }
  const told: KeptBy[] = []
  const look = createWitnessLook([bucket], { origin: ORIGIN, clock, onNews: async (news) => void told.push(...news) })
  const seen = (strength: Witness['strength']) => [{ witness: 's3:audit', strength, administeredBy: 'Internal Audit' }]

  expect(await look()).toEqual(seen('independent'))
  held.strength = 'weak'
  expect(await look()).toEqual(seen('independent'))
  expect(held.looks).toBe(1)
  held.clock = { theirs: 1_000, ours: 1_250 }
  expect(await look()).toEqual([{ ...seen('independent')[0], clock: { theirs: 1_000, ours: 1_250 } }])
  expect(held.looks).toBe(1)
  held.clock = null
  await clock.advance(5 * 60_000 + 1)
  expect(await look()).toEqual(seen('weak'))
  held.strength = 'independent'
  held.isThere = false
  await clock.advance(5 * 60_000 + 1)
  expect(await look()).toEqual(seen('weak'))
  expect(told, 'news is what was not seen before').toEqual([...seen('independent'), ...seen('weak')])
})

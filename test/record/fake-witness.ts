import { type Witness, WitnessRefused, WitnessUnreachable } from '../../src/ports/witness.ts'
import { parseCheckpoint, parseNote } from '../../src/record/verify.ts'

/** A witness in memory, that can be made unreachable, slow or forgetful. */
export function createFakeWitness(name = 'fake'): FakeWitness {
  const notes: string[] = []
  const headOf = (note: string) => parseCheckpoint(parseNote(note).text)
  const fake: FakeWitness = {
    name,
    strength: 'independent',
    administeredBy: 'the test',
    notes,
    isReachable: true,
    before: async () => {},
    async keep(note) {
      await fake.before()
      if (!fake.isReachable) throw new WitnessUnreachable(`${name} is not there`)
      const kept = headOf(note)
      const last = notes.findLast((held) => headOf(held).origin === kept.origin)
      if (last === note) return
      if (last && headOf(last).size >= kept.size) throw new WitnessRefused(`${name} holds ${headOf(last).size}`)
      notes.push(note)
    },
    async newest(origin) {
      if (!fake.isReachable) throw new WitnessUnreachable(`${name} is not there`)
      return notes.findLast((note) => headOf(note).origin === origin) ?? null
    },
    async look(origin) {
      const note = await fake.newest(origin)
      return {
        strength: 'independent',
        faults: [],
        seen: [],
        newest: note === null ? null : { size: headOf(note).size, at: null },
      }
    },
  }
  return fake
}

export interface FakeWitness extends Witness {
  readonly notes: string[]
  isReachable: boolean
  /** Runs at the start of each keep. */
  before: () => Promise<void>
}

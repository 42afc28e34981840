import { expect, it } from 'vitest'
import { concludeFinding } from '../../src/domain/conclude-finding.ts'
import { concludeWitnesses, witnessesNotProved } from '../../src/domain/conclude-witnesses.ts'
import type { ProvedFact } from '../../src/domain/conclusion.ts'

const fact = (leafIndex: number, stream: string, type: string, data: object = {}): ProvedFact => ({
  ...{ stream, type, leafIndex, seq: 1, at: leafIndex * 1_000, data: { ...data }, texts: {} },
})
const own = [fact(10, 'order:R-7K3QF2', 'order.proposed'), fact(20, 'order:R-7K3QF2', 'closed')]
const seen = (leafIndex: number, ...keptBy: { witness: string; strength: string; administeredBy: string }[]) =>
  fact(leafIndex, 'system', 'witnesses.seen', { keptBy })
const file = { witness: 'file', strength: 'weak', administeredBy: 'Ops' }
const bucket = { witness: 's3:audit', strength: 'independent', administeredBy: 'Internal Audit' }

it('names who kept the checkpoints of a story, and who administers that, as they were last seen before it and while it went on', () => {
  const [part] = concludeWitnesses(own, [seen(2, file), seen(7, file, bucket), seen(15, bucket), seen(25, file)])
  expect(part).toMatchObject({ title: 'Witnesses', standing: 'shown', says: '1 independent, or more' })
  expect(part?.facts.map(({ value }) => value)).toEqual([
    '1970-01-01T00:00:07.000Z: file (weak, administered by Ops), s3:audit (independent, administered by Internal Audit)',
    '1970-01-01T00:00:15.000Z: s3:audit (independent, administered by Internal Audit)',
  ])
})

it('says not independent where at one of these looks nobody else kept them, and not known where no look is here', () => {
  expect(concludeWitnesses(own, [seen(7, bucket), seen(15, file)])[0]).toMatchObject({
    standing: 'shown',
    says: 'not independent: whoever runs Countersign could rewrite all of them',
  })
  for (const none of [[], [seen(25, bucket)], [{ ...seen(7, bucket), stream: 'grant:G-7K3QF0' }]]) {
    expect(concludeWitnesses(own, none)).toEqual([])
    expect(witnessesNotProved(own, none)[0]).toContain('these events do not say where else the checkpoint is kept')
  }
})

it('an event of an odd form concludes nothing, and breaks nothing', () => {
  const odd = fact(7, 'system', 'witnesses.seen', { keptBy: [null] })
  expect(() => concludeFinding([fact(10, 'finding:F-7K3QF0', 'finding.opened')], new Map(), [odd])).not.toThrow()
})

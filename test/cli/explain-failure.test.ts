import { expect, test } from 'vitest'
import { explainFailure } from '../../src/cli/explain-failure.ts'
import { RecordTampered } from '../../src/record/recorded-event.ts'
import { TreeDamaged } from '../../src/record/tiles.ts'
import { BucketFailed } from '../../src/witness/bucket.ts'

test.each([
  ['an event that was changed', new RecordTampered('grant:G-7K3QF2', 3, 'chain-broken'), 'Run verify --log'],
  ['an event that is gone', new TreeDamaged('the event of leaf 34 is not the one that was sealed'), 'Run verify --log'],
  ['a bucket that does not answer', new BucketFailed('cannot list bucket audit: NoSuchBucket, 404'), 'Check its name'],
])('%s: what failed is said, and the next step', (_, error, next) => {
  expect(explainFailure(error)).toContain(`${error.message}. ${next}`)
})

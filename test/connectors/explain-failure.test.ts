import { expect, test } from 'vitest'
import { explainFailure } from '../../src/connectors/postgres/explain-failure.ts'

const failed = (code: string, message = 'it said so') => Object.assign(new Error(message), { code })

test.each([
  ['a lock timeout', failed('55P03')],
  ['a deadlock', failed('40P01')],
  ['a serialization failure', failed('40001')],
  ['too many connections', failed('53300')],
  ['no room for locks', failed('53200')],
  ['a row that somebody else changed', failed('XX000', 'tuple concurrently updated')],
])('%s is rolled back and passes: to be tried again, whether it was sent or not', (_, error) => {
  for (const sent of [true, false]) {
    expect(explainFailure('prod-db', error, sent)).toMatchObject({ code: 'Throttled', retryAfterMs: 1_000 })
  }
})

test('another internal error may mean anything, so one has to look', () => {
  expect(explainFailure('prod-db', failed('XX000'), true)).toMatchObject({ code: 'Indeterminate' })
})

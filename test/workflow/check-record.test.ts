import { expect, test } from 'vitest'
import type { LogVerdict } from '../../src/record/verify-log.ts'
import { checkRecord } from '../../src/workflow/check-record.ts'
import type { Alarm } from '../../src/workflow/context.ts'

async function named(differences: LogVerdict['differences']): Promise<Alarm[]> {
  const alarms: Alarm[] = []
  const verdict: LogVerdict = { ok: differences.length === 0, size: 9, witnesses: [], differences }
  await checkRecord({ alarm: (alarm) => alarms.push(alarm) }, async () => verdict)
  return alarms
}

test('a record that is as it was recorded alarms nobody', async () => {
  expect(await named([])).toEqual([])
})

test('each difference is named, and of very many how many more there are', async () => {
  const difference = { what: 'mac-wrong', where: 'grant:G-7K3QF2 #3', since: null } as const
  expect(await named([difference])).toEqual([
    { what: 'record-differs', detail: 'mac-wrong: grant:G-7K3QF2 #3', grant: null },
  ])
  const many = await named(Array.from({ length: 25 }, () => difference))
  expect(many).toHaveLength(21)
  expect(many.at(-1)?.detail).toBe('5 more: run verify --log')
})

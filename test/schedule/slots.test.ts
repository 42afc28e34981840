import { getTasks } from 'node-cron'
import { expect, test } from 'vitest'
import { readCron } from '../../src/schedule/slots.ts'

const slots = (cron: string, after: string, until: string, timeZone = 'Europe/Berlin') =>
  [...readCron(cron, timeZone).slotsBetween(Date.parse(after), Date.parse(until))].map((at) =>
    new Date(at).toISOString().slice(5, 16),
  )

test('slots are later than the beginning and not later than the end', () => {
  expect(slots('0 9 * * 1', '2026-11-16T08:00Z', '2026-11-30T08:00Z')).toEqual(['11-23T08:00', '11-30T08:00'])
})

test('a daily run keeps its local time when clocks change', () => {
  expect(slots('0 9 * * *', '2026-03-28T00:00Z', '2026-03-30T12:00Z')).toEqual([
    '03-28T08:00',
    '03-29T07:00',
    '03-30T07:00',
  ])
})

test('a daily run whose time is skipped when clocks go forward runs right after the gap', () => {
  expect(slots('30 2 * * *', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual(['03-29T01:00', '03-30T00:30'])
  expect(slots('59 2 29 3 *', '2026-03-28T12:00Z', '2026-03-30T12:00Z')).toEqual(['03-29T01:00'])
})

test('a daily run whose time comes twice when clocks go back runs once, at the first', () => {
  expect(slots('30 2 * * *', '2026-10-24T12:00Z', '2026-10-26T12:00Z')).toEqual(['10-25T00:30', '10-26T01:30'])
  expect(slots('30 2 * * *', '2026-10-25T00:30Z', '2026-10-25T12:00Z')).toEqual([])
})

test('a run in every hour has neither a gap nor a double when clocks change', () => {
  expect(slots('0 * * * *', '2026-10-24T23:00Z', '2026-10-25T03:00Z')).toEqual([
    '10-25T00:00',
    '10-25T01:00',
    '10-25T02:00',
    '10-25T03:00',
  ])
  expect(slots('0 * * * *', '2026-03-28T23:00Z', '2026-03-29T02:00Z')).toEqual([
    '03-29T00:00',
    '03-29T01:00',
    '03-29T02:00',
  ])
})

test('zones that change by half an hour, or have an odd offset, keep the local time', () => {
  expect(slots('15 2 * * *', '2026-10-03T00:00Z', '2026-10-05T00:00Z', 'Australia/Lord_Howe')).toEqual([
    '10-03T15:30',
    '10-04T15:15',
  ])
  expect(slots('0 9 * * *', '2026-11-23T00:00Z', '2026-11-24T00:00Z', 'Asia/Kathmandu')).toEqual(['11-23T03:15'])
})

test('an expression or a zone that cannot be used is refused, by name', () => {
  expect(() => readCron('0 25 * * *', 'UTC')).toThrow('cron "0 25 * * *"')
  expect(() => readCron('0 0 9 * * 1', 'UTC')).toThrow('give five fields')
  expect(() => readCron('0 9 * * 1', 'Europe/Nowhere')).toThrow('Europe/Nowhere')
})

test('asking about slots starts and keeps no task', () => {
  readCron('0 9 * * 1', 'UTC')
  expect(getTasks().size).toBe(0)
})

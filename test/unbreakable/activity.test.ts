import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { accountName } from '../../src/connectors/postgres/account-name.ts'
import { ACTIVITY_CRASH_POINTS } from '../../src/workflow/context.ts'
import { type Crew, openCrew } from './crew.ts'
import { tellStory } from './tell-story.ts'

let crew: Crew

beforeAll(async () => {
  crew = await openCrew(2, {
    ...{ logging_collector: 'on', log_destination: 'stderr,jsonlog', log_connections: 'on', log_disconnections: 'on' },
  })
})
afterAll(() => crew?.close())

/** The lines of an account, as whoever has the log of the target can take them out. */
async function linesIn(file: string, account: string, from = 0, to?: number): Promise<string[]> {
  const bytes = (await readFile(path.join(crew.house.cluster.dataDir, 'log', file))).subarray(from, to)
  const lines = bytes.toString('latin1').split('\n')
  return lines.filter((line) => line.includes(`","user":"${account}",`)).map((line) => `${line}\n`)
}

async function allLines(account: string): Promise<string[]> {
  const files = (await readdir(path.join(crew.house.cluster.dataDir, 'log'))).filter((name) => name.endsWith('.json'))
  return (await Promise.all(files.sort().map((file) => linesIn(file, account)))).flat()
}

it.each(ACTIVITY_CRASH_POINTS)(
  'kill -9 at %s: each line of the log is on record once, and the hashes are those of the file',
  async (point) => {
    await crew.muster()
    crew.arm(point, 1)
    const { id } = await tellStory(crew, 'done')
    await crew.record.quiet()
    expect(crew.armed(), 'somebody died there').toEqual([])
    expect(crew.deaths()).toBe(1)

    const account = accountName(id)
    const rows = await crew.house.db<{ type: string; body: string }[]>`
    select type, body from event where stream = ${`activity:${id}`} order by seq`
    const events = rows.map(({ type, body }) => ({ type, data: JSON.parse(body).data }))
    expect(events.slice(-2).map(({ type }) => type)).toEqual(['activity.ended', 'closed'])
    const pieces = events.filter(({ type }) => type === 'activity.collected').map(({ data }) => data)
    expect(pieces.length).toBeGreaterThan(0)
    for (const { file, from, to, sha256, lines } of pieces) {
      const ours = await linesIn(file, account, from, to)
      expect(ours).toHaveLength(lines)
      expect(
        createHash('sha256')
          .update(Buffer.from(ours.join(''), 'latin1'))
          .digest('hex'),
      ).toBe(sha256)
    }
    expect(pieces.reduce((sum, { lines }) => sum + lines, 0)).toBe((await allLines(account)).length)
    const ended = events.at(-2)?.data
    expect(ended).toMatchObject({ outcome: 'complete', why: [], statements: expect.any(Number) })
    expect(ended.sessions, 'of the person').toBeGreaterThan(0)
    expect(ended.looks, 'ours, before the login was handed out').toEqual({ sessions: 1, statements: 1 })
    const said = await crew.record.saidOf(id)
    expect(JSON.stringify(said.get(`grant:${id}:activity`))).toContain('activity complete')
    expect(Object.fromEntries(said)).toEqual(Object.fromEntries(await crew.record.toBeSaidOf(id)))
    crew.disarm()
  },
)

it('the record of it is right, and nothing was an alarm', async () => {
  expect(await crew.record.verify()).toMatchObject({ ok: true, differences: [] })
  const alarms = await crew.house.db<{ body: string }[]>`select body from event where type = 'system.alarm'`
  expect(alarms.map(({ body }) => JSON.parse(body).data.what).filter((what) => what.startsWith('activity'))).toEqual([])
})

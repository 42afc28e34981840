import { z } from 'zod'
import type { ActivityReading, UsedAccount } from '../../ports/activity.ts'
import { ACTIVITY_FUNCTION } from './bot-privileges.ts'
import { gatherActivity } from './gather-activity.ts'
import { parseAnswer } from './parse-answer.ts'
import type { PostgresTarget } from './postgres-target.ts'

/** Read in one go: some milliseconds of work for the server. */
const MOST_BYTES = 1024 * 1024
/** Sessions whose count of lines is remembered from piece to piece. */
const MOST_REMEMBERED = 300

/**
 * Reads on in the server's jsonlog, through the function that shows lines of our accounts alone (set-up-activity.sql).
 * Follows rotation: files are read in the order in which they were written. What another Countersign gave on the same
 * server is its own to collect.
 */
export async function readActivity(
  { name, sessions, origin, clock }: PostgresTarget,
  cursor: string | null,
  since: number | null,
): Promise<ActivityReading> {
  const before = cursor === null ? null : cursorSchema.parse(JSON.parse(cursor))
  const { file = null, modifiedMs = null, offset = null, markBytes = null, mark = null } = before ?? {}
  const [row] = await sessions.read(
    (sql) => sql<{ found: unknown }[]>`
      select case when to_regprocedure(${`jit.${ACTIVITY_FUNCTION}`}) is not null then 'yes' end as found`,
  )
  if (row?.found !== 'yes') return { state: 'off', why: 'its set-up does not let Countersign read the log' }
  const askedAt = clock.now()
  const [answer] = await sessions.read(
    (sql) => sql`
      select jit.activity(${file}::text, ${modifiedMs}::bigint, ${offset}::bigint, ${markBytes}::integer, ${mark}::text,
        ${since === null ? null : Math.floor(since)}::bigint, ${MOST_BYTES}::integer) as found`,
  )
  const seen = parseAnswer(name, answerSchema, answer?.found)
  if ('off' in seen) return { state: 'off', why: seen.off }

  const memory = { lastLines: new Map(before?.lastLines), lastLengths: new Map(before?.lastLengths) }
  const used = seen.accounts
    .filter((one) => one.origin === null || one.origin === origin)
    .map(({ account, grantId, sha256, bytes, lines }): UsedAccount => {
      const raw = lines.map((line) => ({ ...line, raw: Buffer.from(line.raw, 'base64') }))
      return { account, grantId, sha256, bytes, ...gatherActivity(raw, memory) }
    })
  const next: z.input<typeof cursorSchema> = {
    ...{ file: seen.file, modifiedMs: seen.modifiedMs, offset: seen.to, markBytes: seen.markBytes, mark: seen.mark },
    lastLines: [...memory.lastLines].slice(-MOST_REMEMBERED),
    lastLengths: [...memory.lastLengths].slice(-MOST_REMEMBERED),
  }
  return {
    ...{ state: 'on', cursor: JSON.stringify(next), atEnd: seen.atEnd, used, unlogged: seen.unlogged },
    // Half of the way there and back is nothing beside what counts as apart.
    aheadMs: seen.nowMs === undefined ? null : Math.round(seen.nowMs - (askedAt + clock.now()) / 2),
    place: { file: seen.file, from: seen.from, to: seen.to },
    gap: seen.gap === null ? null : explainGap(seen.gap, file ?? seen.file, offset ?? seen.from),
    logged: { connections: seen.connections, disconnections: seen.disconnections, audit: seen.audit },
  }
}

function explainGap(gap: 'gone' | 'cut short' | 'written over' | 'torn', file: string, offset: number): string {
  switch (gap) {
    case 'gone':
      return `the file ${file} is gone; it was read to byte ${offset}`
    case 'cut short':
      return `the file ${file} was cut short; it had been read to byte ${offset}`
    case 'written over':
      return `the file ${file} was written over; what was read to byte ${offset} is not there any more`
    case 'torn':
      return `the file ${file} ends within a line: the server died there`
    default:
      return gap satisfies never
  }
}

const cursorSchema = z.object({
  file: z.string(),
  modifiedMs: z.number(),
  offset: z.number(),
  markBytes: z.number(),
  mark: z.string(),
  lastLines: z.array(z.tuple([z.string(), z.number()])),
  lastLengths: z.array(z.tuple([z.string(), z.number()])).default([]),
})

const line = z.object({ atMs: z.number(), bytes: z.number(), raised: z.boolean(), raw: z.string() })

const answerSchema = z.union([
  z.object({ off: z.string() }),
  z.object({
    file: z.string(),
    modifiedMs: z.number(),
    /** A set-up of before does not say it. */
    nowMs: z.number().optional(),
    from: z.number(),
    to: z.number(),
    atEnd: z.boolean(),
    gap: z.enum(['gone', 'cut short', 'written over', 'torn']).nullable(),
    markBytes: z.number(),
    mark: z.string(),
    connections: z.boolean(),
    disconnections: z.boolean(),
    audit: z.boolean(),
    unlogged: z.array(z.string()),
    accounts: z.array(
      z.object({
        account: z.string(),
        grantId: z.string().nullable(),
        origin: z.string().nullable(),
        sha256: z.string().nullable(),
        bytes: z.number(),
        lines: z.array(line),
      }),
    ),
  }),
])

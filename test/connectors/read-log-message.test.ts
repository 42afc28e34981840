import { readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { gatherActivity } from '../../src/connectors/postgres/gather-activity.ts'
import { parseLogLine } from '../../src/connectors/postgres/parse-log-line.ts'
import { readLogMessage } from '../../src/connectors/postgres/read-log-message.ts'

/**
 * A session as PostgreSQL 15.20 with pgaudit 1.7.0 (both of Debian 12) wrote it, with `pgaudit.log = all` and
 * `pgaudit.log_parameter = on`: without its first two lines, of which one has no user and the other names a file.
 */
const RECORDED = readFileSync(path.join(import.meta.dirname, 'pgaudit-lines.jsonl'))
  .toString()
  .split('\n')
  .filter(Boolean)

function rawLine(text: string, isRaised = false) {
  const raw = Buffer.from(text)
  return { atMs: Date.UTC(2026, 10, 22, 6, 35, 40), bytes: raw.length + 1, raised: isRaised, raw }
}

const noMemory = () => ({ lastLines: new Map<string, number>(), lastLengths: new Map<string, number>() })

test('what pgaudit says is read beside the statements, no secret is kept, and what a trigger had written at the commit is nothing', () => {
  // As an older set-up tells them: with the statement alone for a sign of what was raised.
  const seen = gatherActivity(
    RECORDED.map((text) => rawLine(text, text.includes('","statement":"'))),
    noMemory(),
  )
  expect(seen).toMatchObject({ audited: 13, errors: 1, missing: 0, refusedLogins: 0 })
  expect(seen.commands).toEqual({
    ...{ DO: 1, SELECT: 2, 'ALTER ROLE': 2, PREPARE: 1, EXECUTE: 1, INSERT: 1 },
    ...{ 'CREATE TABLE': 1, 'CREATE FUNCTION': 1, 'CREATE TRIGGER': 1 },
  })
  const text = seen.text.join('\n')
  expect(text).not.toMatch(/hunter2|audit, READ SELECT TABLE public.salaries/)
  expect(text).toContain('audit, READ SELECT: SELECT count(*) from payments')
  expect(text).toContain(`audit, READ SELECT: select reference\n    | from payments where reference = 'x ""y"", z'`)
  expect(text).toContain('audit, ROLE ALTER ROLE: alter role jit_g_recorded password <REDACTED>')
  expect(text).toContain("audit, MISC EXECUTE: execute p('[scrubbed]')")
  expect(text).toContain('failed with 42601: [scrubbed]')
  expect(seen.sessions).toEqual([
    expect.objectContaining({
      address: expect.stringMatching(/^127\.0\.0\.1:\d+ \(psql\)$/),
      statements: 11,
      began: true,
      ended: true,
    }),
  ])
})

test('who is refused after the password was right is no session, and who is thrown out is one', () => {
  const { message, ...rest } = JSON.parse(RECORDED[0] ?? '')
  const began = rawLine(JSON.stringify({ ...rest, message }))
  const ended = rawLine(JSON.stringify({ ...JSON.parse(RECORDED.at(-1) ?? ''), line_num: rest.line_num + 2 }))
  const fatal = (state: string) =>
    rawLine(JSON.stringify({ ...rest, line_num: rest.line_num + 1, error_severity: 'FATAL', state_code: state }))
  for (const state of ['28000', '28P01', '3D000', '42501', '53300', '57P03']) {
    const refused = gatherActivity([began, fatal(state)], noMemory())
    expect(refused, state).toMatchObject({ refusedLogins: 1, sessions: [], missing: 0 })
  }
  for (const state of ['57P01', '57P05', '25P03', '08P01', 'XX000']) {
    const seen = gatherActivity([began, fatal(state), ended], noMemory())
    expect(seen, state).toMatchObject({ refusedLogins: 0, missing: 0, sessions: [{ began: true, ended: true }] })
  }
  expect(gatherActivity([fatal('08P01')], noMemory())).toMatchObject({ refusedLogins: 1, sessions: [] })
})

test('a statement that fails after the log was read on is one statement', () => {
  const statement = JSON.parse(RECORDED[5] ?? '')
  const { message, ...rest } = statement
  const sql = message.slice('statement: '.length)
  const failed = (text: string, state: string) =>
    rawLine(
      JSON.stringify({
        ...rest,
        line_num: statement.line_num + 1,
        error_severity: 'ERROR',
        state_code: state,
        statement: text,
      }),
      true,
    )
  const memory = { ...noMemory(), lastLines: new Map([[statement.session_id, statement.line_num - 1]]) }
  expect(gatherActivity([rawLine(JSON.stringify(statement))], memory)).toMatchObject({ statements: 1, errors: 0 })
  expect(JSON.stringify([...memory.lastLengths])).toBe(`[["${statement.session_id}",${sql.length}]]`)
  expect(gatherActivity([failed(sql, '57014')], memory)).toMatchObject({ statements: 0, errors: 1, missing: 0 })
  expect(gatherActivity([failed('selec 1', '42601')], memory)).toMatchObject({ statements: 1, errors: 1 })
})

test('a line that is cut off anywhere is read as far as it goes, or is missing, and never throws', () => {
  const recorded = JSON.parse(RECORDED[5] ?? '')
  const message = `statement: select '${'"\\\n\u0001'.repeat(10)}'`
  const { raw } = rawLine(JSON.stringify({ ...recorded, message, detail: 'Parameters: $1 = 1' }))
  for (let length = 0; length < raw.length; length++) {
    const seen = parseLogLine(raw.subarray(0, length), raw.length + 1)
    if (seen !== null) expect(readLogMessage(seen, false).kind).toMatch(/statement|other/)
  }
  expect(parseLogLine(raw.subarray(0, 300), raw.length + 1)).toMatchObject({
    isCut: true,
    user: 'jit_g_recorded',
    line: recorded.line_num,
  })
})

const OF_A_SESSION = { user: 'jit_g_1', session_id: '6a.1', line_num: 3, error_severity: 'LOG' }

test.each(['user:find', 'a\nb', 'S'.repeat(300), '<unnamed>', 'S_1/P:1'])(
  'a statement counts whatever its client named it: %j',
  (name) => {
    const message = `execute ${name}: drop table payments`
    const seen = gatherActivity([rawLine(JSON.stringify({ ...OF_A_SESSION, message }))], noMemory())
    expect(seen.commands).toEqual({ 'DROP TABLE': 1 })
  },
)

test('a name so long that the statement is not in the beginning of the line hides not that there was one', () => {
  const text = JSON.stringify({ ...OF_A_SESSION, message: `execute ${'S'.repeat(900)}: drop table payments` })
  const seen = gatherActivity([{ ...rawLine(text.slice(0, 500)), bytes: text.length + 1 }], noMemory())
  expect(seen).toMatchObject({ statements: 1, commands: { OTHER: 1 } })
})

test('a line that is cut anywhere inside of its statement still tells it, backslashes and all', () => {
  const text = JSON.stringify({
    ...OF_A_SESSION,
    message: `statement: drop table payments -- ${'\\'.repeat(9)}u1\u0001é`,
  })
  const whole = Buffer.from(text)
  for (let end = text.indexOf(' --'); end < whole.length - 1; end++) {
    const line = parseLogLine(whole.subarray(0, end), whole.length + 1)
    expect(line?.message, `cut at ${end}`).toMatch(/^statement: drop table payments/)
  }
})

test('a name of an object does not begin a line, and so does not pass for an entry', () => {
  const forged = '2026-11-22T00:00:00.000Z 6a.1 statement: select 1'
  const message = `AUDIT: SESSION,1,1,DDL,DROP TABLE,TABLE,"public.""x\n${forged}""",drop table x,<none>`
  const { text } = gatherActivity([rawLine(JSON.stringify({ ...OF_A_SESSION, message }))], noMemory())
  expect(text.join('\n').split('\n')).not.toContain(`${forged}": drop table x`)
  expect(text.join('\n')).toContain(`\n    | ${forged}`)
})

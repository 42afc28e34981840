import { expect, test } from 'vitest'
import { gatherActivity } from '../../src/connectors/postgres/gather-activity.ts'
import { parseLogLine } from '../../src/connectors/postgres/parse-log-line.ts'
import { readLogMessage } from '../../src/connectors/postgres/read-log-message.ts'

/** Written by PostgreSQL 15.18 with pgaudit 1.7 (`pgaudit.log = all`, `pgaudit.log_parameter = on`). */
function line(
  number: number,
  message: string,
  more: object = {},
): { atMs: number; bytes: number; raised: boolean; raw: Buffer } {
  const raw = Buffer.from(
    JSON.stringify({
      ...{ timestamp: '2026-11-22 02:35:11.043 UTC', user: 'jit_g_x', dbname: 'postgres', pid: 16169 },
      ...{ remote_host: '127.0.0.1', remote_port: 48584, session_id: '6b0254df.3f29', line_num: number, ps: 'idle' },
      ...{ session_start: '2026-11-22 02:35:11 UTC', vxid: '3/5', txid: 0, error_severity: 'LOG', message, ...more },
      ...{ application_name: 'psql', backend_type: 'client backend', query_id: 0 },
    }),
  )
  return { atMs: Date.UTC(2026, 10, 22, 2, 35, 11, 43), bytes: raw.length + 1, raised: false, raw }
}

test('what pgaudit says of a block is read beside the statement, and its parameters are not kept', () => {
  const seen = gatherActivity(
    [
      line(5, 'statement: do $$ begin perform * from t; end $$;'),
      line(6, 'AUDIT: SESSION,2,1,FUNCTION,DO,,,do $$ begin perform * from t; end $$;,<none>'),
      line(7, 'AUDIT: SESSION,2,2,READ,SELECT,TABLE,public.t,"SELECT * from t where a = \'x ""y"", z\'",<none>'),
      line(8, 'AUDIT: SESSION,3,1,ROLE,ALTER ROLE,,,alter role jit_g_x password <REDACTED>,<none>'),
      line(9, 'AUDIT: SESSION,5,1,READ,SELECT,,,prepare p as select $1::text;,s3cret'),
    ],
    new Map([['6b0254df.3f29', 4]]),
  )
  expect(seen).toMatchObject({ statements: 1, audited: 4, commands: { DO: 1 }, missing: 0 })
  expect(seen.text[2]).toBe(
    `2026-11-22T02:35:11.043Z 6b0254df.3f29 audit, READ SELECT TABLE public.t: SELECT * from t where a = 'x "y", z'`,
  )
  expect(seen.text.join()).not.toContain('s3cret')
})

test('a line that is cut off anywhere is read as far as it goes, or is missing, and never throws', () => {
  const { raw } = line(5, `statement: select '${'"\\\n\u0001'.repeat(10)}'`, { detail: 'Parameters: $1 = 1' })
  for (let length = 0; length < raw.length; length++) {
    const seen = parseLogLine(raw.subarray(0, length), raw.length + 1)
    if (seen !== null) expect(readLogMessage(seen, false).kind).toMatch(/statement|other/)
  }
  expect(parseLogLine(raw.subarray(0, 300), raw.length + 1)).toMatchObject({ isCut: true, user: 'jit_g_x', line: 5 })
})

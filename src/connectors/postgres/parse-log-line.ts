import { z } from 'zod'

/**
 * One line of PostgreSQL's jsonlog (15 and newer). The server escapes quotes, controls and ends of line inside of values,
 * so no text of a person can begin a member or a line. Bytes that are no UTF-8 become U+FFFD.
 * @param bytes how long the whole line is: what was cut off is closed again as well as can be
 * @returns null for what is no such line
 */
export function parseLogLine(raw: Buffer, bytes: number): LogLine | null {
  const text = raw.toString('utf8')
  const parsed = schema.safeParse(parseJson(bytes > raw.length + 1 ? closed(text) : [text]))
  if (!parsed.success) return null
  const { user, session_id: session, line_num: line, error_severity: severity, state_code: state } = parsed.data
  const { message, detail = '', statement = '', remote_host: host, remote_port: port } = parsed.data
  return {
    ...{ user, session, line, severity, state: state ?? null, message, detail, statement },
    hasContext: parsed.data.context !== undefined,
    program: parsed.data.application_name?.replace(NO_TEXT, '?').slice(0, MOST_OF_A_PROGRAM) ?? '',
    address: host === undefined ? 'local' : `${host}${port === undefined ? '' : `:${port}`}`,
    isCut: bytes > raw.length + 1,
  }
}

/** Inside of a value: without the half of an escape, and a backslash that has its own before it is whole. Between two: without what was begun. */
function closed(text: string): string[] {
  const whole = text.replace(/(?<!\\)((?:\\\\)*)\\(?:u[0-9a-fA-F]{0,3})?$/, '$1')
  const member = whole.lastIndexOf(',"')
  return [`${whole}"}`, ...(member === -1 ? [] : [`${whole.slice(0, member)}}`])]
}

function parseJson(texts: readonly string[]): unknown {
  for (const text of texts) {
    try {
      return JSON.parse(text)
    } catch {}
  }
  return null
}

/** What a client calls itself is cut by the server at 63 bytes, and may hold anything but controls. */
const MOST_OF_A_PROGRAM = 64
const NO_TEXT = /[\p{C}\p{Zl}\p{Zp}]/gu

const schema = z.object({
  user: z.string(),
  session_id: z.string().regex(/^[0-9a-f]+\.[0-9a-f]+$/),
  line_num: z.int().min(1),
  error_severity: z.string(),
  state_code: z
    .string()
    .regex(/^[0-9A-Z]{5}$/)
    .optional(),
  message: z.string().default(''),
  detail: z.string().optional(),
  statement: z.string().optional(),
  context: z.string().optional(),
  application_name: z.string().optional(),
  remote_host: z.string().optional(),
  remote_port: z.union([z.int(), z.string()]).optional(),
})

export interface LogLine {
  readonly user: string
  readonly session: string
  /** Counts the lines of its session. */
  readonly line: number
  readonly severity: string
  /** SQLSTATE. */
  readonly state: string | null
  readonly message: string
  readonly detail: string
  readonly statement: string
  /** Something ran that wrote it: the server's own lines of sessions and statements have none. */
  readonly hasContext: boolean
  readonly address: string
  /** What the client calls itself: it may say anything. */
  readonly program: string
  readonly isCut: boolean
}

import type { UsedAccount, UsedSession } from '../../ports/activity.ts'
import { type LogLine, parseLogLine } from './parse-log-line.ts'
import { readLogMessage } from './read-log-message.ts'
import { type Scrubbed, scrubStatement, speaksOfSecrets } from './scrub-statement.ts'

/** Of one statement, and of all statements of an account in one piece of the log: characters. */
const MOST_OF_A_STATEMENT = 4_000
const MOST_TEXT = 96_000
/** Listed by themselves; the rest is counted. */
const MOST_SESSIONS = 40

/**
 * Adds up what an account did in one piece of the log.
 * @param memory of the sessions, carried on from piece to piece
 */
export function gatherActivity(
  lines: readonly RawLine[],
  { lastLines, lastLengths }: SessionMemory,
): Omit<UsedAccount, 'account' | 'grantId' | 'sha256' | 'bytes'> {
  const sessions = new Map<string, Mutable<UsedSession>>()
  const commands: Record<string, number> = {}
  const text: string[] = []
  const sums = { statements: 0, errors: 0, audited: 0, refusedLogins: 0, scrubbed: 0, cut: 0, missing: 0 }
  const lastSql = new Map<string, string>()
  /** What a session sent last, in this piece or before: its error follows it, however long it ran. */
  const isLastOf = (session: string, sql: string) => {
    const head = sql.slice(0, TOLD_APART)
    const before = lastSql.get(session)
    return before === undefined ? lastLengths.get(session) === head.length : before === head
  }
  let room = MOST_TEXT

  function keep(at: number, session: string, what: string, words: string, isCut: boolean): void {
    const tooLong = isCut || words.length > MOST_OF_A_STATEMENT
    const some = tooLong ? `${words.slice(0, MOST_OF_A_STATEMENT)} … [only the beginning is kept]` : words
    if (some.length > room) {
      sums.cut += 1
      return
    }
    if (tooLong) sums.cut += 1
    room -= some.length
    // What people type, and the names that they give, cannot begin a line here, and so not pass for an entry.
    const said = `${what}: ${some}`.toWellFormed().replace(/[\r\n]+/g, '\n    | ')
    text.push(`${new Date(at).toISOString()} ${session} ${said}`)
  }

  function addStatement(at: number, session: Mutable<UsedSession>, what: string, clean: Scrubbed, isCut: boolean) {
    for (const command of clean.commands) commands[command] = (commands[command] ?? 0) + 1
    sums.statements += clean.commands.length
    session.statements += clean.commands.length
    sums.scrubbed += clean.scrubbed
    keep(at, session.id, what, clean.text, isCut)
  }

  for (const { atMs, bytes, raised, raw } of lines) {
    const line = parseLogLine(raw, bytes)
    if (line === null) {
      sums.missing += 1
      continue
    }
    const said = readLogMessage(line, raised)
    if (said.kind === 'refused-login' || (said.kind === 'died' && !lastLines.has(line.session))) {
      // Nobody got in: no session of the account, whoever tried.
      sums.refusedLogins += 1
      sessions.delete(line.session)
      lastLines.delete(line.session)
      continue
    }
    sums.missing += countMissing(line.session, line.line, lastLines)
    const session = sessions.get(line.session) ?? {
      ...{ id: line.session, address: line.address, firstAt: beganAt(line.session) ?? atMs, lastAt: atMs },
      ...{ statements: 0, began: false, ended: false },
    }
    sessions.set(line.session, session)
    session.lastAt = Math.max(session.lastAt, atMs)
    // The first of a session have no name yet.
    if (session.address === line.address) session.address = addressOf(line)
    switch (said.kind) {
      case 'statement': {
        // What was prepared under a name says what is given to it.
        const prepared = said.parameters.startsWith('prepare: ') ? said.parameters : ''
        const clean = scrubStatement(said.sql, speaksOfSecrets(said.sql) || speaksOfSecrets(prepared))
        addStatement(atMs, session, 'statement', clean, line.isCut)
        if (said.parameters !== '') {
          const given = clean.isSensitive ? { text: '[scrubbed]', scrubbed: 1 } : scrubStatement(said.parameters)
          sums.scrubbed += given.scrubbed
          keep(atMs, line.session, 'with', given.text, false)
        }
        lastSql.set(line.session, said.sql.slice(0, TOLD_APART))
        break
      }
      case 'audit': {
        sums.audited += 1
        const { text: words, scrubbed } = scrubStatement(said.sql, said.isOfPrepared || speaksOfSecrets(said.sql))
        sums.scrubbed += scrubbed
        keep(atMs, line.session, `audit, ${said.about}`, words, line.isCut)
        break
      }
      case 'error':
        sums.errors += 1
        // One that could not even be read was not logged as a statement, and has no literals that can be told from the rest.
        if (said.sql !== '' && !isLastOf(line.session, said.sql)) {
          const clean = scrubStatement(said.sql)
          const kept = clean.isSensitive ? { ...clean, text: '[scrubbed]', scrubbed: 1 } : clean
          addStatement(atMs, session, `failed with ${said.state}`, kept, line.isCut)
        } else keep(atMs, line.session, 'failed with', said.state, false)
        break
      case 'began':
        session.began = true
        break
      case 'ended':
        session.ended = true
        lastLines.delete(line.session)
        lastLengths.delete(line.session)
        break
      case 'died':
      case 'other':
        break
      default:
        said satisfies never
    }
  }
  for (const [session, sql] of lastSql) {
    lastLengths.delete(session)
    if (lastLines.has(session)) lastLengths.set(session, sql.length)
  }
  const all = [...sessions.values()]
  const times = lines.map(({ atMs }) => atMs)
  return {
    ...sums,
    ...{ lines: lines.length, firstAt: Math.min(...times), lastAt: Math.max(...times), commands, text },
    ...{ sessions: all.slice(0, MOST_SESSIONS), moreSessions: Math.max(0, all.length - MOST_SESSIONS) },
  }
}

/** Characters by which a statement and its error are known for each other: of a long one no more may be there. */
const TOLD_APART = 1_000

function addressOf({ address, program }: LogLine): string {
  return program === '' ? address : `${address} (${program})`
}

/** The lines before the first that has a user, such as `connection received`, are nobody's yet: at most so many. */
const BEFORE_A_USER = 3

function countMissing(session: string, line: number, lastLines: Map<string, number>): number {
  const before = lastLines.get(session)
  lastLines.delete(session)
  lastLines.set(session, line)
  if (before === undefined) return line > BEFORE_A_USER + 1 ? line - BEFORE_A_USER - 1 : 0
  return Math.max(0, line - before - 1)
}

/** A session's id is the second in which it began, and its process. */
function beganAt(session: string): number | null {
  const seconds = Number.parseInt(session, 16)
  return Number.isSafeInteger(seconds * 1000) ? seconds * 1000 : null
}

/** What is known of sessions that go on. Of a statement no more than a length: a hash of it would show a password. */
export interface SessionMemory {
  /** How far each was seen to have counted its lines. */
  readonly lastLines: Map<string, number>
  /** How long the beginning of what each sent last was, before the pieces at hand. */
  readonly lastLengths: Map<string, number>
}

export interface RawLine {
  readonly atMs: number
  /** Of the whole line, its end included; `raw` may be its beginning only. */
  readonly bytes: number
  /** It is no message of the server's own: it stands beside the statement that caused it. */
  readonly raised: boolean
  readonly raw: Buffer
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }

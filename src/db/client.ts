import postgres from 'postgres'
import type { Db } from './transaction.ts'

/**
 * Opens a pool. Nothing is connected before the first query, and a lost connection is made anew by
 * the next one. Integers of 8 bytes come back as numbers. An `undefined` parameter is refused.
 *
 * `role` is a setting of every connection, so a query cannot run as the login by accident. It stops
 * bugs, not intruders: who can send any SQL can also send SET ROLE NONE. A separate login stops both.
 *
 * It sets session settings and session locks, so a pooler in transaction mode must not stand between.
 */
export function openDb(url: string, options: DbOptions): Db {
  const {
    applicationName,
    role,
    max = 10,
    statementTimeoutMs,
    lockTimeoutMs,
    connectTimeoutMs = 5_000,
    onNotice,
    silenceTimeoutMs,
  } = options
  const db = postgres(url, {
    max,
    connect_timeout: connectTimeoutMs / 1_000,
    // The driver's own wait between attempts grows to 20 s: after an outage that would be 20 s without revocations.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
    ...(options.lifetime === 'process' && { max_lifetime: null }),
    ...(silenceTimeoutMs && { silence_timeout: silenceTimeoutMs / 1_000 }),
    onnotice: (notice) => onNotice?.(String(notice.message)),
    types: { bigint: wholeNumber },
    connection: {
      application_name: applicationName,
      // A machine that vanished keeps its session locks until the server notices: half a minute, not two hours.
      tcp_keepalives_idle: 15,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
      ...(role && { role }),
      ...(statementTimeoutMs && { statement_timeout: statementTimeoutMs }),
      ...(lockTimeoutMs && { lock_timeout: lockTimeoutMs }),
    },
  })
  places.set(db, { url, ...(role !== undefined && { role }) })
  return db
}

/** Where a pool leads, and as whom: enough to open another in another thread. It holds a password: never to be shown. */
export function placeOf(db: Db): DbPlace {
  const place = places.get(db)
  if (place === undefined) throw new TypeError('the pool was not opened by openDb')
  return place
}

const places = new WeakMap<Db, DbPlace>()

export interface DbPlace {
  readonly url: string
  readonly role?: string
}

/** Waits up to `patienceMs` for what is running, then closes. A second call does nothing. */
export async function closeDb(db: Db, patienceMs = 5_000): Promise<void> {
  await db.end({ timeout: patienceMs / 1_000 })
}

const wholeNumber = {
  to: 20,
  from: [20],
  serialize: (value: number | bigint) => value.toString(),
  parse: (text: string) => {
    const value = Number(text)
    if (Number.isSafeInteger(value)) return value
    throw new RangeError(`${text} from the database is too large for a number: cast it to text`)
  },
}

export interface DbOptions {
  /** Seen in pg_stat_activity: `countersign <what for>`. */
  applicationName: string
  role?: string
  /** Most connections at once. 1 for session locks. */
  max?: number
  /** For every statement; a transaction may set its own. */
  statementTimeoutMs?: number
  /** For every wait for what somebody else has locked; a transaction may set its own. */
  lockTimeoutMs?: number
  connectTimeoutMs?: number
  /**
   * A connection that owes an answer and sends nothing for so long is lost, and its statement fails.
   * Without it a network that falls silent is noticed by TCP, after a quarter of an hour.
   */
  silenceTimeoutMs?: number
  /** `process`: connections are not renewed every half hour, because they hold a session lock. */
  lifetime?: 'process'
  onNotice?: (message: string) => void
}

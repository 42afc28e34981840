import postgres, { type Sql } from 'postgres'
import { ConnectorError } from '../../ports/connector.ts'
import type { Endpoint } from './endpoint.ts'
import { explainFailure, isConnectionLost } from './explain-failure.ts'

/**
 * A few connections to one database of a target. Each serves one caller at a time, so that a notice
 * belongs to the statement that caused it, and one that did not answer is thrown away.
 */
export function openSessions(where: string, endpoint: Endpoint, patience: Patience, most = 5): Sessions {
  const idle: Session[] = []
  const waiting: ((borrowed: Borrowed) => void)[] = []
  const inFlight = new Set<Promise<void>>()
  let open = 0
  let closed = false

  async function borrow(): Promise<Borrowed> {
    const session = idle.pop()
    if (session) return { session, answeredJustNow: false }
    if (open === most) return new Promise((resolve) => waiting.push(resolve))
    open++
    return { session: connect(endpoint, patience), answeredJustNow: false }
  }

  function giveBack(session: Session, lost: boolean): void {
    if (lost || closed) void session.sql.end({ timeout: 0 })
    const next = waiting.shift()
    if (next && (lost || closed)) next({ session: connect(endpoint, patience), answeredJustNow: false })
    else if (next) next({ session, answeredJustNow: true })
    else if (lost || closed) open--
    else idle.push(session)
  }

  function use<T>(acting: boolean, ask: (sql: Sql) => Promise<T>): Promise<T> {
    if (closed) return Promise.reject(new ConnectorError('Unreachable', `${where}: the connector is closed`))
    const answer = useOne(acting, ask)
    const done = answer.then(
      () => undefined,
      () => undefined,
    )
    inFlight.add(done)
    void done.then(() => inFlight.delete(done))
    return answer
  }

  async function useOne<T>(acting: boolean, ask: (sql: Sql) => Promise<T>): Promise<T> {
    const { session, answeredJustNow } = await borrow()
    let sent = false
    let lost = false
    try {
      // A first round trip: what fails here has surely not been sent.
      if (!answeredJustNow) await within(patience.connectMs, session.sql`select`)
      session.notices.length = 0
      sent = acting
      const answer = await within(patience.replyMs, ask(session.sql))
      const [notice] = session.notices
      if (acting && notice !== undefined)
        throw new ConnectorError('SilentNoOp', `${where}: the target warned: ${notice}`)
      return answer
    } catch (error) {
      lost = !(error instanceof ConnectorError) && isConnectionLost(error)
      throw explainFailure(where, error, sent)
    } finally {
      giveBack(session, lost)
    }
  }

  return {
    read: (ask) => use(false, ask),
    act: (ask) => use(true, ask),
    async close() {
      closed = true
      await Promise.all(inFlight)
      await Promise.all(idle.splice(0).map(({ sql }) => sql.end({ timeout: patience.connectMs / 1_000 })))
    },
  }
}

/**
 * One connection, not made before its first query. It is never shared with the pool: a probe must not
 * be answered by a connection that was there before.
 */
export function connect({ host, port, database, user, password, tls }: Endpoint, patience: Patience): Session {
  const notices: string[] = []
  const sql = postgres({
    host,
    port,
    database,
    username: user,
    // A function, because the driver takes an empty password for a missing one and asks the environment.
    password: () => password,
    ssl: tls === 'disable' ? false : tls,
    max: 1,
    connect_timeout: patience.connectMs / 1_000,
    idle_timeout: 60,
    fetch_types: false,
    backoff: () => 0,
    onnotice: (notice) => notices.push(String(notice.message)),
    connection: {
      application_name: 'countersign',
      // People may create in `public`: nothing of theirs must be taken for what we call.
      search_path: 'pg_catalog',
      // A target that crashes must not forget that a login was closed.
      synchronous_commit: 'on',
      statement_timeout: Math.ceil(patience.replyMs * 0.75),
      lock_timeout: patience.lockMs,
    },
  })
  return { sql, notices }
}

/** The driver has no limit of its own for a server that says nothing. */
export async function within<T>(limitMs: number, answer: PromiseLike<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const error = () => Object.assign(new Error(`no answer within ${limitMs} ms`), { code: 'TIMEOUT' })
    timer = setTimeout(() => reject(error()), limitMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

export interface Sessions {
  /** For looking. A lost answer is `Unreachable`. */
  read<T>(ask: (sql: Sql) => Promise<T>): Promise<T>
  /** For changing. A lost answer is `Indeterminate`, a notice is `SilentNoOp`. */
  act<T>(ask: (sql: Sql) => Promise<T>): Promise<T>
  close(): Promise<void>
}

interface Borrowed {
  readonly session: Session
  /** Handed on by a caller who has its answer: there is no need to ask whether it is still there. */
  readonly answeredJustNow: boolean
}

export interface Session {
  readonly sql: Sql
  readonly notices: string[]
}

/** How long to wait, milliseconds. */
export interface Patience {
  readonly connectMs: number
  readonly replyMs: number
  /** How long a step may wait for somebody's lock. Shorter than `replyMs`. */
  readonly lockMs: number
  /** How long a step may be without answer before the account's sessions, which may hold it up, are ended. */
  readonly heldUpMs: number
  /** How long a backend may be starting before it is taken for one that hides. */
  readonly hiddenMs: number
  /** How long ended sessions may take to be gone. */
  readonly quietMs: number
  readonly pollMs: number
}

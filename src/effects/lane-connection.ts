import postgres from 'postgres'

/** Keeps our locks apart from whatever else locks by number in the same database. */
const SALT = 7_240_118
const LOOK_EVERY_MS = 5_000

/**
 * One connection that holds session locks. It is made anew when it is lost, and whoever held a lock is
 * told at once; a connection that answers no more counts as lost after a few seconds.
 * Needs a real session: no pooler that shares connections between transactions.
 */
export function openLaneConnection({ url, role }: LaneConnectionOptions): LaneConnection {
  const held = new Set<AbortController>()
  /** Counts connections: an answer belongs to the connection that was open when it was asked for. */
  let generation = 0
  /** Counts answers: a connection that is busy for long answers late, and is not lost. */
  let answers = 0
  let closing = false
  let sql = connect()
  const looking = setInterval(look, LOOK_EVERY_MS)
  looking.unref()

  function connect(): postgres.Sql {
    const mine = postgres(url, {
      max: 1,
      max_lifetime: null,
      connect_timeout: 5,
      backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1),
      connection: {
        application_name: 'countersign lanes',
        // A machine that vanished keeps its locks until the server notices: half a minute, not two hours.
        tcp_keepalives_idle: 15,
        tcp_keepalives_interval: 5,
        tcp_keepalives_count: 3,
        ...(role && { role }),
      },
      onnotice: () => undefined,
      onclose: () => mine === sql && lose(),
    })
    return mine
  }

  function lose(): void {
    generation++
    for (const lost of held) lost.abort(new Error('the connection that held the lane is gone'))
    held.clear()
  }

  async function look(): Promise<void> {
    if (held.size === 0) return
    const mine = sql
    const before = answers
    const late = Promise.withResolvers<'late'>()
    const timer = setTimeout(late.resolve, LOOK_EVERY_MS / 2, 'late')
    const answer = await Promise.race([mine`select 1`.catch(() => 'closed'), late.promise])
    clearTimeout(timer)
    if (answer !== 'late' || answers !== before || mine !== sql || closing) return
    sql = connect()
    lose()
    void mine.end({ timeout: 0 })
  }

  const lock = inOneStatement(async (keys) => {
    const rows = await sql<{ got: boolean }[]>`
      select pg_try_advisory_lock(hashtextextended(key, ${SALT})) as got
      from unnest(${keys}::text[]) with ordinality as lane (key, place) order by place`
    answers++
    return rows.map(({ got }) => got)
  })
  const unlock = inOneStatement(async (keys) => {
    const rows = await sql`
      select pg_advisory_unlock(hashtextextended(key, ${SALT})) from unnest(${keys}::text[]) as lane (key)`
    answers++
    return rows.map(() => undefined)
  })

  return {
    async tryLock(key) {
      const before = generation
      if (!(await lock(key))) return null
      if (before !== generation) {
        // Asked on one connection and answered on the next, or lost since: begin anew, with nothing in hand.
        await unlock(key)
        return null
      }
      const lost = new AbortController()
      held.add(lost)
      return {
        lost: lost.signal,
        async release() {
          if (!held.delete(lost)) return
          // A connection that is lost now has given the lock back by itself.
          await unlock(key).catch(() => undefined)
        },
      }
    },
    async close() {
      closing = true
      clearInterval(looking)
      await sql.end({ timeout: 5 })
    },
  }
}

/** What is asked for in the same turn of the loop goes along in one statement; `ask` answers in the order of its keys. */
function inOneStatement<T>(ask: (keys: string[]) => Promise<T[]>): (key: string) => Promise<T> {
  let waiting: { key: string; resolve: (answer: T) => void; reject: (error: unknown) => void }[] = []
  async function send(): Promise<void> {
    const some = waiting
    waiting = []
    try {
      const answers = await ask(some.map(({ key }) => key))
      for (const [place, { resolve }] of some.entries()) resolve(answers[place] as T)
    } catch (error) {
      for (const { reject } of some) reject(error)
    }
  }
  return (key) =>
    new Promise((resolve, reject) => {
      if (waiting.length === 0) setImmediate(send)
      waiting.push({ key, resolve, reject })
    })
}

export interface LaneConnectionOptions {
  url: string
  role?: string
}

export interface LaneConnection {
  /** Null when the key is locked elsewhere. Asks once. */
  tryLock(key: string): Promise<Lock | null>
  close(): Promise<void>
}

export interface Lock {
  readonly lost: AbortSignal
  release(): Promise<void>
}

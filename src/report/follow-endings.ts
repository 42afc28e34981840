import type { Db } from '../db/transaction.ts'
import type { SeenEnding } from '../telemetry/house-figures.ts'

/** Leaves that one look goes through at most: what is left comes with the next look. */
const PAGE = 5_000

/**
 * Reads the endings off the record as it grows, from the moment of the first look: each one once, whoever did it. What
 * is not sealed yet comes later, and nothing is missed over crashes of other processes.
 */
export function followEndings(db: Db): () => Promise<SeenEnding[]> {
  let next: number | null = null
  return async () => {
    const size = await sizeOf(db)
    // A record that shrank was restored: what it holds was counted.
    if (next === null || next > size) next = size
    const until = Math.min(size, next + PAGE)
    if (until === next) return []
    const rows = await db<Row[]>`
      select e.type, e.at, e.body,
        (select due.body from event due where due.type = 'grant.ending' and due.stream = e.stream limit 1) as ending
      from leaf l join event e on e.leaf_hash = l.leaf_hash
      where l.log = (select max(id) from log) and l.leaf_index >= ${next} and l.leaf_index < ${until}
        and e.type in ('grant.ending', 'grant.removed', 'grant.stuck')
      order by l.leaf_index`
    next = until
    return rows.flatMap(seenIn)
  }
}

async function sizeOf(db: Db): Promise<number> {
  const [row] = await db<{ last: number | null }[]>`
    select max(leaf_index) as last from leaf where log = (select max(id) from log)`
  return (row?.last ?? -1) + 1
}

function seenIn({ type, at, body, ending }: Row): SeenEnding[] {
  if (type === 'grant.stuck') return [{ step: 'stuck' }]
  const facts = endingIn(type === 'grant.ending' ? body : ending)
  if (facts === null) return []
  const lateMs = at - facts.due
  return type === 'grant.ending' ? [{ step: 'begun', cause: facts.cause, lateMs }] : [{ step: 'proved', lateMs }]
}

/** Null where the row is not what was recorded: that is for `verify --log` to tell. */
function endingIn(body: string | null): { due: number; cause: string } | null {
  try {
    const { due, cause } = JSON.parse(body ?? 'null').data
    return typeof due === 'number' && CAUSES.includes(cause) ? { due, cause } : null
  } catch {
    return null
  }
}

const CAUSES = ['expired', 'done', 'ended-by-person', 'ordered', 'provision-failed', 'left', 'moved']

interface Row {
  readonly type: 'grant.ending' | 'grant.removed' | 'grant.stuck'
  readonly at: number
  readonly body: string
  /** The body of the stream's `grant.ending`. */
  readonly ending: string | null
}

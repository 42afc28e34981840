import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { findingOfStream, findingStream } from '../domain/finding-event.ts'
import type { FindingState } from '../domain/finding-state.ts'
import { openStreams } from '../record/find-streams.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Context } from './context.ts'
import { readFindings } from './find-findings.ts'
import { loadFinding, saveFinding, saveUnreadable } from './finding-store.ts'

const AT_ONCE = 200

/**
 * Reads every finding, the closed ones too, and compares it with its row, which is a cache. A row that only says of one that
 * it is closed would keep it out of the list. Whoever reads names what was changed in the record; a row that was changed is
 * named here, and mended; one that is missing or behind, as after an older version wrote, is made anew.
 */
export async function mendFindings(context: Mending): Promise<void> {
  const streams = await openStreams(context.db, {
    ...{ prefix: findingStream(''), startedBy: 'finding.opened', notEndedBy: [] },
  })
  for (let n = 0; n < streams.length; n += AT_ONCE) {
    const some = streams.slice(n, n + AT_ONCE)
    const { states, unreadable } = await readFindings(context, context.db, some)
    const rows = await context.db<Row[]>`
      select id, seq, status, severity, due_at as due from finding_state
      where id = any(${some.flatMap((stream) => findingOfStream(stream) ?? [])}::text[])`
    const known = new Map(rows.map((row) => [row.id, row]))
    for (const state of states) if (!isSame(known.get(state.id), state)) await mend(context, state.id)
    for (const id of unreadable) if (known.get(id)?.status !== 'unreadable') await saveUnreadable(context.db, id)
  }
}

/** Once more, where nobody writes meanwhile: what was read a moment ago may have gone on. */
async function mend(context: Mending, id: string): Promise<void> {
  const changed = await inTransaction(context.db, { timeoutMs: 10_000 }, async (tx) => {
    await context.record.lockStream(tx, findingStream(id))
    const state = await loadSound(context, tx, id)
    if (state === null) return false
    const [row] = await tx<Row[]>`
      select id, seq, status, severity, due_at as due from finding_state where id = ${id}`
    if (isSame(row, state)) return false
    await saveFinding(tx, state)
    return row !== undefined && row.status !== 'unreadable' && row.seq >= state.seq
  })
  if (!changed) return
  const detail = `The row of ${id} was changed by hand; it is mended`
  context.alarm({ what: 'state-differs-from-record', detail, grant: null })
}

/** Null where it was changed since: the next look says so. */
async function loadSound(context: Mending, tx: Tx, id: string): Promise<FindingState | null> {
  try {
    return (await loadFinding(context, tx, id))?.state ?? null
  } catch (error) {
    if (error instanceof RecordTampered) return null
    throw error
  }
}

function isSame(row: Row | undefined, { seq, status, severity, due }: FindingState): boolean {
  return row?.seq === seq && row.status === status && row.severity === severity && row.due === due
}

interface Row {
  readonly id: string
  readonly seq: number
  readonly status: string
  readonly severity: string
  readonly due: number
}

type Mending = Pick<Context, 'record' | 'db' | 'alarm'>

import type { Db } from '../db/transaction.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import { measureDepth } from '../effects/measure-depth.ts'
import type { Clock } from '../ports/clock.ts'
import { recordStatus } from '../record/watch.ts'
import type { FindingFigures, HouseFigures, KeepingFigures, WitnessFigures } from '../telemetry/house-figures.ts'
import { followEndings } from './follow-endings.ts'
import { readLastCheck, readLastPruning } from './last-check.ts'

/**
 * Reads what the metrics say about the whole house: small queries, one after the other, so that looking never takes
 * connections from the work.
 */
export function createHouseReader(around: {
  readonly db: Db
  readonly clock: Clock
  readonly witnesses: readonly string[]
  readonly freezes: () => Promise<readonly Freeze[]>
  readonly findings: () => Promise<FindingFigures>
  readonly keeping: () => Promise<KeepingFigures | null>
}): () => Promise<HouseFigures> {
  const { db, clock, witnesses } = around
  const readEndings = followEndings(db)
  return async () => {
    const { size, pending, oldestPendingAt, quarantined } = await recordStatus(db)
    const seenWitnesses: WitnessFigures[] = []
    let least = size
    for (const witness of witnesses) {
      const newest = await newestConfirmation(db, witness)
      least = Math.min(least, newest?.size ?? 0)
      if (newest === null) continue
      const first = await committedAt(db, newest.before)
      const lagMs = first === null ? 0 : newest.at - first
      seenWitnesses.push({ witness, ageMs: clock.now() - newest.at, lagMs })
    }
    // What waits for the sealer is not under the tree, so it can be the oldest of all after a held one.
    const waits = [least < size ? await committedAt(db, least) : null, oldestPendingAt].filter((at) => at !== null)
    const endings = await openEndings(db)
    const undeliverable = await countUndeliverable(db)
    const effects = await measureDepth(db)
    const check = await readLastCheck(db)
    const frozen = await around.freezes()
    const findings = await around.findings()
    const keeping = await around.keeping()
    const pruning = await readLastPruning(db)
    const now = clock.now()
    const chat = await chatBehind(db, now)
    return {
      ...{
        endings,
        witnesses: seenWitnesses,
        undeliverable,
        findings,
        keeping,
        chat,
        effects,
        seen: await readEndings(),
      },
      check: check && { ok: check.ok, size: check.size, tookMs: check.tookMs, ageMs: now - check.at },
      pruning: pruning && { ...pruning, refused: pruning.refused !== null, ageMs: now - pruning.at },
      freezes: frozen.map(({ target, at }) => ({ target, forMs: now - at })),
      record: {
        ...{ size, pending, quarantined },
        oldestPendingMs: oldestPendingAt === null ? 0 : now - oldestPendingAt,
        oldestUnwitnessedMs: waits.length === 0 ? 0 : now - Math.min(...waits),
      },
    }
  }
}

/** The newest that this witness confirmed, and the size that it had confirmed before. */
async function newestConfirmation(db: Db, witness: string): Promise<Confirmation | null> {
  const [newest, previous] = await db<{ size: number; at: number }[]>`
    select size, at from witness_receipt
    where log = (select max(id) from log) and witness = ${witness} order by size desc limit 2`
  return newest === undefined ? null : { ...newest, before: previous?.size ?? 0 }
}

interface Confirmation {
  readonly size: number
  readonly at: number
  readonly before: number
}

/** When the event at this place of the tree was committed, as it says. */
async function committedAt(db: Db, leafIndex: number): Promise<number | null> {
  const [row] = await db<{ at: number }[]>`
    select e.at from leaf l join event e on e.leaf_hash = l.leaf_hash
    where l.log = (select max(id) from log) and l.leaf_index = ${leafIndex}`
  return row?.at ?? null
}

async function openEndings(db: Db): Promise<HouseFigures['endings']> {
  const [row] = await db<{ unproved: number; stuck: number }[]>`
    select count(*)::int as unproved,
      (count(*) filter (where exists (
        select from event e where e.type = 'grant.stuck' and e.stream = 'grant:' || g.id)))::int as stuck
    from grant_state g where g.status = 'ending'`
  return row ?? { unproved: 0, stuck: 0 }
}

async function countUndeliverable(db: Db): Promise<number> {
  const [row] = await db<{ count: number }[]>`
    select count(*)::int as count from event where type = 'notice.undeliverable'`
  return row?.count ?? 0
}

/** How far back a grant is looked for that chat does not show. */
const LOOK_BACK_MS = 7 * 24 * 60 * 60_000

async function chatBehind(db: Db, now: number): Promise<HouseFigures['chat']> {
  const [row] = await db<{ behind: number; oldest: number | null }[]>`
    select count(*)::int as behind, min(e.at) as oldest
    from grant_state g
    left join announced a on a.stream = 'grant:' || g.id
    join event e on e.stream = 'grant:' || g.id and e.seq = coalesce(a.seq, 0) + 1
    where g.seq > coalesce(a.seq, 0) and g.asked_at > ${now - LOOK_BACK_MS}`
  return { behind: row?.behind ?? 0, oldestMs: row?.oldest == null ? 0 : now - row.oldest }
}

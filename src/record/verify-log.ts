import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { closeDb, type DbPlace, openDb, placeOf } from '../db/client.ts'
import type { Db, Tx } from '../db/transaction.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { chainKey, createChainSum } from './chain-sum.ts'
import { type Carried, checkBefore, readBreak, readStarts, type TrustBreak } from './check-before.ts'
import { type CheckedLeaves, checkLeaves, checkPending, type LeafTask, TILE_WIDTH } from './check-leaves.ts'
import { nameEarlyPruning } from './check-pruned.ts'
import { nameTexts, readErasedTexts, subtractTexts } from './check-texts.ts'
import { CONNECT_MS, type LeafWorkers, openLeafWorkers } from './leaf-workers.ts'
import { type Difference, type DifferenceKind, type Found, nameHead, type WitnessHead } from './log-difference.ts'
import type { MacKeys } from './mac-keys.ts'
import { holdOffPruning, readPruned } from './pruned.ts'
import { createHandOverReader, keysAround } from './read-hand-overs.ts'
import { BY_INDEX, copyHeads } from './read-leaves.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { consistencyProof, rangeRoot } from './tree.ts'
import { isConsistent, limitOfStart, type TreeHead } from './verify.ts'
import { nameBrokenChains, nameDoubled, nameUnsealed } from './verify-chains.ts'
import type { Progress } from './verify-progress.ts'
import { createTreeCheck } from './verify-tree.ts'
import { type Witnessed, WitnessNoteWrong } from './witnessed.ts'

const MOST_DIFFERENCES = 1_000
/** Leaves in a range: some megabytes of bodies, a second at most. */
const RANGE = 64 * TILE_WIDTH
/** Questions about a whole table, of which there are few. */
const WHOLE_TABLE_MS = 60 * 60_000
const LOCK_MS = 30_000

/**
 * Checks all of the record in little memory: bodies, columns and MACs, chains and heads, the tree and its tiles,
 * checkpoints, what the witnesses hold, and that nothing is outside the tree but what waits for the sealer. What is
 * sealed never changes, so it is read range by range; the end of it, the heads and what waits are read in one moment.
 * On connections of its own; `db` says where and as whom.
 * @throws WitnessUnreachable: without the witnesses nothing is proved
 */
export async function verifyLog(
  db: Db,
  macKey: Buffer,
  witnessed: Witnessed,
  options: VerifyOptions = {},
): Promise<LogVerdict> {
  // Asked first: the tree of a confirmed checkpoint was committed before it.
  const asked = await askWitnesses(witnessed)
  return verifyAgainst(
    placeOf(db),
    { ...asked, macKey, macKeys: options.macKeys ?? macKey, origin: witnessed.origin, vkey: witnessed.vkey },
    options,
  )
}

/** What the witnesses say, as plain data: it can go to another thread. @throws WitnessUnreachable */
export async function askWitnesses(witnessed: Witnessed): Promise<Pick<Expected, 'heads' | 'wrongNote'>> {
  try {
    const notes = await witnessed.ask()
    return {
      heads: notes.flatMap((note) => (note ? [{ ...note.checkpoint, holder: note.witness }] : [])),
      wrongNote: null,
    }
  } catch (error) {
    if (!(error instanceof WitnessNoteWrong)) throw error
    return { heads: [], wrongNote: error.message }
  }
}

/** As `verifyLog`, with the witnesses asked before. */
export async function verifyAgainst(
  place: DbPlace,
  { macKey, macKeys, origin, vkey, heads, wrongNote }: Expected,
  {
    threads = 0,
    range = RANGE,
    resume: kept = null,
    onProgress,
    pauseMs = 0,
    now = () => 0,
    earlier = [],
  }: VerifyOptions,
): Promise<LogVerdict> {
  const differences: Difference[] = []
  let before: LogVerdict['before']
  let starts: readonly string[] = []
  const found = (what: DifferenceKind, where: string, since: number | null = null, column?: string) => {
    if (differences.length < MOST_DIFFERENCES)
      differences.push({ what, where, since, ...(column !== undefined && { column }) })
  }
  if (wrongNote !== null) found('witness-note-wrong', wrongNote)
  const db = openDb(place.url, {
    ...{ applicationName: 'countersign verify', max: 1, statementTimeoutMs: WHOLE_TABLE_MS, lockTimeoutMs: LOCK_MS },
    connectTimeoutMs: CONNECT_MS,
    // The session holds off pruning.
    lifetime: 'process',
    ...(place.role !== undefined && { role: place.role }),
  })
  try {
    const [log] = await db<{ id: number; origin: string }[]>`select id, origin from log order by id desc limit 1`
    if (log && log.origin !== origin) found('another-origin', log.origin)
    await holdOffPruning(db)
    const pruned = await readPruned(db, macKeys, origin)
    // What was read before does not fit what is left since: all of it is read again.
    const resume = kept?.pruned === pruned.leaves ? kept : null
    const salt = resume?.salt ?? randomBytes(16).toString('hex')
    const readAt = resume?.readAt ?? now()
    const sealedTo = await sealedSize(db, log?.id ?? 0)
    // Afterwards: who signed what is sealed by now is on record by now.
    const readKeys = async (sql: Db | Tx) => keysAround(vkey, await createHandOverReader(sql, origin)()).keys
    const [id, keys] = [log?.id ?? 0, await readKeys(db)]
    const task: LeafTask = { log: id, macKeys, keys, chainKey: chainKey(macKey, salt), pruned: { runs: pruned.runs } }
    const checked = [...heads, ...earlier]
    const tree = createTreeCheck(task.log, checked, found, resume?.tree)
    const chains = createChainSum(task.chainKey, resume?.chains)
    let events = resume?.events ?? 0
    let size = tree.head().size
    let isBroken = false
    if (resume) await checkResumed(db, task.log, tree.head(), checked, found)

    const absorb = async (sql: Db | Tx, checked: CheckedLeaves) => {
      for (const { what, where, column } of checked.differences) found(what, where, null, column)
      chains.plus(checked.chains)
      events += checked.events
      size = checked.next
      isBroken ||= checked.isBroken
      await tree.add(sql, checked)
    }

    const workers = openLeafWorkers(place, task, sealedTo - size < 2 * range ? 0 : threads)
    try {
      for await (const checked of inOrder(workers, { from: size, to: sealedTo, range, pauseMs })) {
        await absorb(db, checked)
        if (differences.length > 0 || isBroken || !tree.isWhole()) continue
        await onProgress?.({
          origin,
          tree: tree.state(),
          events,
          chains: chains.value(),
          salt,
          readAt,
          pruned: pruned.leaves,
        })
      }
    } finally {
      await workers.close()
    }

    await db.begin('isolation level repeatable read read only', async (tx) => {
      await tx.unsafe(BY_INDEX)
      await absorb(tx, await checkLeaves(tx, { ...task, keys: await readKeys(tx) }, { from: size, to: null }))
      const pending = await checkPending(tx, task)
      await tx.unsafe('set local enable_hashjoin = default; set local enable_mergejoin = default')
      await tree.end(tx)
      for (const { what, where, column } of pending.differences) found(what, where, null, column)
      chains.plus(pending.chains)
      isBroken ||= pending.isBroken
      await copyHeads(tx, (stream, seq, leaf) => chains.subtract(stream, seq, leaf))
      const erased = await readErasedTexts(tx, macKeys)
      await subtractTexts(tx, chains, erased)
      const count = await countEvents(tx)
      const isChained = chains.isZero() && !isBroken
      const isSealed = count === events + pending.events
      if (!isChained || !isSealed || differences.length > 0) {
        const before = differences.length
        await nameBrokenChains(tx, found)
        await nameUnsealed(tx, task.log, macKeys, found)
        await nameDoubled(tx, found)
        await nameTexts(tx, task.log, erased, found)
        if (!isChained && differences.length === before)
          found('chain-broken', 'somewhere: the events, the heads and the texts do not add up')
        if (!isSealed && differences.length === before)
          found('never-sealed', `${count} events, of which ${events} are under a leaf and ${pending.events} wait`)
      }
      await checkReceipts(tx, task.log, found)
      const trustBreak = await readBreak(tx, task.log)
      // Of what an earlier check has read, that was compared then.
      if (trustBreak)
        before = {
          ...trustBreak,
          carried: resume ? null : await checkBefore(tx, { log: task.log, before: trustBreak, macKeys }, found),
        }
      starts = (await readStarts(tx, task.log, 0)).slice(trustBreak ? 1 : 0).map(limitOfStart)
      await nameEarlyPruning(tx, { log: task.log, own: SYSTEM_STREAM, pruned }, found)
      for (const difference of differences) await date(tx, task.log, difference)
    })
    return {
      ok: differences.length === 0,
      size,
      witnesses: heads.map(({ holder, size }) => ({ witness: holder, size })),
      differences,
      ...(starts.length > 0 && { starts }),
      ...(before !== undefined && { before }),
      ...(pruned.leaves > 0 && { pruned: pruned.leaves }),
      ...(resume && { resumed: { size: resume.tree.size, readAt: resume.readAt } }),
    }
  } finally {
    await closeDb(db)
  }
}

/**
 * So much of the log is sure to be whole, with its checkpoints: they are written in order, after their leaves. What
 * comes after is read in one moment, at the end.
 */
async function sealedSize(db: Db, log: number): Promise<number> {
  const [row] = await db<{ leaves: number | null; signed: number | null }[]>`
    select (select max(leaf_index) + 1 from leaf where log = ${log}) as leaves,
      (select max(size) from checkpoint where log = ${log}) as signed`
  return Math.min(row?.leaves ?? 0, row?.signed ?? 0)
}

/** Full ranges, several at a time, handed on in their order. What waits to be handed on is bounded. */
async function* inOrder(
  workers: LeafWorkers,
  { from, to, range, pauseMs }: { from: number; to: number; range: number; pauseMs: number },
): AsyncGenerator<CheckedLeaves> {
  const ahead = pauseMs > 0 ? 1 : 2 * workers.threads
  const under: Promise<CheckedLeaves>[] = []
  for (let next = from; ; ) {
    while (under.length < ahead && next + range <= to) {
      const checking = workers.check({ from: next, to: next + range })
      // Whoever comes to it hears of it.
      checking.catch(() => undefined)
      under.push(checking)
      next += range
    }
    const first = under.shift()
    if (first === undefined) return
    yield await first
    if (pauseMs > 0) await sleep(pauseMs)
  }
}

/** That the log still continues what an earlier check found right, and what witnesses hold of that part. */
async function checkResumed(db: Db, log: number, head: TreeHead, heads: readonly WitnessHead[], found: Found) {
  const before = heads.filter(({ size }) => size > 0 && size < head.size)
  try {
    const { root, proofs } = await readTree(db, log, head.size, (read) => ({
      root: rangeRoot(0, head.size, read),
      proofs: before.map(({ size }) => consistencyProof(size, head.size, read)),
    }))
    if (!root.equals(head.root)) found('progress-differs', `the first ${head.size} events`)
    for (const [place, then] of before.entries()) {
      if (!isConsistent(then, head, proofs[place] ?? [])) nameHead(found, then)
    }
  } catch (error) {
    if (!(error instanceof TreeDamaged)) throw error
    found('progress-differs', `the first ${head.size} events: ${error.message}`)
  }
}

async function countEvents(tx: Tx): Promise<number> {
  const [row] = await tx<{ count: number }[]>`select count(*) as count from event`
  return row?.count ?? 0
}

/** A receipt is written after its checkpoint. */
async function checkReceipts(tx: Tx, log: number, found: Found): Promise<void> {
  const rows = await tx<{ size: number; at: number }[]>`
    select distinct on (r.size) r.size, r.at from witness_receipt r
    where r.log = ${log} and not exists (select from checkpoint c where c.log = r.log and c.size = r.size)
    order by r.size limit ${MOST_DIFFERENCES}`
  for (const { size, at } of rows)
    found('checkpoint-missing', `checkpoint of size ${size}, which a witness confirmed`, at)
}

/** When the record was last known to be right there: the first checkpoint over that leaf. */
async function date(tx: Tx, log: number, difference: Difference): Promise<void> {
  const [, index] = /leaf (\d+)/.exec(difference.where) ?? []
  if (difference.since !== null || index === undefined) return
  const [row] = await tx<{ at: number }[]>`
    select at from checkpoint where log = ${log} and size > ${Number(index)} order by size limit 1`
  difference.since = row?.at ?? null
}

export interface VerifyOptions {
  /** All MAC keys of the log, where there are several. */
  readonly macKeys?: MacKeys
  /** Threads that check ranges beside this one; with none, this one does. */
  readonly threads?: number
  /** Leaves in a range, a multiple of 256. */
  readonly range?: number
  /** Where an earlier check of this log came to: it is not read again. */
  readonly resume?: Progress | null
  /** After each range, as long as nothing is doubted. */
  onProgress?(progress: Progress): Promise<void> | void
  /** Checkpoints of this log that somebody kept, signed by a key in force: it must continue each. */
  readonly earlier?: readonly WitnessHead[]
  /** Rest between ranges, for a check that holds up nobody. */
  readonly pauseMs?: number
  /** For what is kept of the progress. Epoch ms. */
  now?(): number
}

/** What the log is checked against, as plain data. */
export interface Expected {
  /** Keeps what is kept of the progress genuine. */
  readonly macKey: Buffer
  readonly macKeys: MacKeys
  readonly origin: string
  readonly vkey: string
  readonly heads: readonly WitnessHead[]
  /** That a witness shows a note that no key in force signed; null when none does. */
  readonly wrongNote: string | null
}

export interface LogVerdict {
  readonly ok: boolean
  /** Leaves. */
  readonly size: number
  /** What each witness confirmed, and so how much of the record rests on more than this database. */
  readonly witnesses: readonly { readonly witness: string; readonly size: number }[]
  /** At most 1,000. */
  readonly differences: readonly Difference[]
  /** The log before, where its signing key was lost: nobody vouches for the key of this one. `carried` is null where an earlier check compared it. */
  readonly before?: TrustBreak & { readonly carried: Carried | null }
  /** Of the others that this one follows, what is not shown: how they ended, and why; not there for none. */
  readonly starts?: readonly string[]
  /** Events that are gone, as others of ours say, after their retention; not there for none. */
  readonly pruned?: number
  /** So many leaves were read by an earlier check, the first of them at `readAt`; not there when all were read now. */
  readonly resumed?: { readonly size: number; readonly readAt: number }
}

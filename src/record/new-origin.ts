import type { Db, Tx } from '../db/transaction.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import type { Draft } from './compose.ts'
import { faultOfLostKey, type LostKey } from './lost-key.ts'
import type { MacKeys } from './mac-keys.ts'
import { isPruned, readPruned } from './pruned.ts'
import { createHandOverReader } from './read-hand-overs.ts'
import type { EventRecord } from './record.ts'
import { type EventRow, faultOf } from './recorded-event.ts'
import { SEALER_LOCK } from './sealer.ts'
import { type Signer, signCheckpoint } from './signer.ts'
import { type ForkReason, RecordForked, takeOver } from './take-over.ts'
import { loadTree, type TiledTree } from './tiles.ts'
import { formatVkey, ORIGIN_STARTED, originStream } from './verify.ts'
import { createWitnessed, type Witnessed, type WitnessedNote, WitnessNoteWrong } from './witnessed.ts'

const PAGE = 2_000

/**
 * After a restore that lost what a witness had confirmed, or without its signing key, the old tree cannot go on. A new one
 * starts under a new origin: its first leaf is an event that carries the last note of every witness, so that nobody can
 * pretend that the old tree never was; then all that the database still holds, in the old order. No sealer may run meanwhile.
 * The caller then reconciles the targets: access that the lost tail explained is found there, and ended.
 * @param options.signer of the new origin, with the same key as the old one; with another where that is lost
 * @param options.by who does this: a person
 * @throws NewOriginRefused, WitnessUnreachable
 */
export async function startNewOrigin(options: NewOriginOptions): Promise<NewOrigin> {
  const { sealer, macKey, signer, witnessed, at } = options
  if (sealer.options.max !== 1) throw new RangeError('a pool of one connection is needed: its session holds the lock')
  const [lock] = await sealer<{ held: boolean }[]>`select pg_try_advisory_lock(${SEALER_LOCK}) as held`
  if (!lock?.held) throw new NewOriginRefused('a sealer is at work: stop every replica first')
  try {
    const old = await findOld(sealer, witnessed)
    const oldKey = options.lost?.vkey ?? formatVkey(old.origin, witnessed.key.publicKey)
    const handOvers = createHandOverReader(sealer, old.origin)
    const fault = options.lost && faultOfLostKey(options.lost, old.origin, signer, await handOvers())
    if (fault) throw new NewOriginRefused(fault)
    const before = createWitnessed(oldKey, witnessed.witnesses, handOvers)
    const fork = await requireReason(options, before)
    const notes = (await before.ask()).filter((note) => note !== null)
    const had = await countLeaves(sealer, old.id)
    const event = await firstEvent(options, { previous: before, notes, fork, had })
    const moved = await sealer.begin(async (tx) => {
      const log = old.id + 1
      await tx`insert into log (id, origin, started_at) values (${log}, ${witnessed.origin}, ${at})`
      const tree = await loadTree(tx, log, 0)
      await addLeaves(tx, log, tree, [event])
      const lost = await carryOver(tx, { from: old.id, origin: old.origin, to: log, tree, macKey })
      await tx`delete from event_pending where leaf_hash = ${event}`
      return { log, tree, lost }
    })
    const head = { size: moved.tree.size(), root: moved.tree.root() }
    const note = await signCheckpoint(signer, head)
    await sealer`
      insert into checkpoint (log, size, root, note, at) values (${moved.log}, ${head.size}, ${head.root}, ${note}, ${at})`
    for (const witness of witnessed.witnesses) await witness.keep(note)
    const confirmed = Math.max(0, ...notes.map(({ checkpoint }) => checkpoint.size))
    const cut = Math.max(0, confirmed - had)
    return { previousOrigin: old.origin, vkey: signer.vkey, note, carried: head.size - 1, lost: moved.lost, cut }
  } finally {
    await sealer`select pg_advisory_unlock(${SEALER_LOCK})`
  }
}

async function findOld(sql: Db, witnessed: Witnessed): Promise<{ id: number; origin: string }> {
  const logs = await sql<{ id: number; origin: string }[]>`select id, origin from log order by id desc`
  const [newest] = logs
  if (!newest) throw new NewOriginRefused('there is no record yet that a new origin could follow')
  const used =
    logs.some(({ origin }) => origin === witnessed.origin) || (await witnessed.ask()).some((note) => note !== null)
  if (used) throw new NewOriginRefused(`${witnessed.origin} has been used: set LOG_ORIGIN to a name that is new`)
  return newest
}

/**
 * Who could start anew at will could leave behind, with a reason that looks good, what auditors know the old tree by.
 * @returns why the old tree could not go on in any case; null where only its key is lost
 */
async function requireReason(
  { sealer, macKey, at, lost }: NewOriginOptions,
  old: Witnessed,
): Promise<ForkReason | null> {
  try {
    await takeOver(sealer, old, macKey, at)
  } catch (error) {
    if (error instanceof RecordForked) return error.reason
    if (error instanceof WitnessNoteWrong) throw new NewOriginRefused(notOfKey(old, lost), { cause: error })
    throw error
  }
  if (lost) return null
  throw new NewOriginRefused(
    `the record of ${old.origin} is whole: keep LOG_ORIGIN=${old.origin} and start the processes`,
  )
}

function notOfKey({ origin, vkey }: Witnessed, lost: LostKey | null | undefined): string {
  if (lost)
    return `the witnesses hold checkpoints of ${origin} that ${vkey} did not sign: give --lost-key as auditors have it`
  return `the witnesses hold checkpoints of ${origin} that this signing key did not sign. Set SIGNING_KEY_FILE (or SIGNER) to the key that did. If it is lost, say so: --lost-key <its public half> --reason <why>`
}

/** The event that carries what the witnesses hold of the old tree. Called again after a crash, the same one. */
async function firstEvent(options: NewOriginOptions, { previous, notes, fork, had }: OldTree): Promise<Buffer> {
  const { app, record, witnessed, by, at, lost, signer } = options
  const { origin } = witnessed
  const stream = originStream(origin)
  const held = notes.map(({ witness, note }) => ({ witness, note }))
  const told = { by, origin, previousOrigin: previous.origin, notes: held, had, ...(fork !== null && { fork }) }
  const lostKey = lost ? ((await previous.keys()).keys.at(-1)?.vkey ?? lost.vkey) : null
  if (lostKey !== null && notes.length === 0) {
    throw new NewOriginRefused(`no witness holds a checkpoint of ${previous.origin}: name those that did in WITNESSES`)
  }
  const draft: Draft =
    lostKey === null
      ? { type: ORIGIN_STARTED, data: told }
      : {
          type: ORIGIN_STARTED,
          data: { ...told, cause: 'key-lost', lostKey, newKey: signer.vkey },
          private: { reason: lost?.reason ?? '' },
        }
  const [event] = await app.begin(async (tx) => {
    const existing = await record.readStream(tx, stream)
    if (existing.length > 0) return existing
    if (lostKey !== null) {
      const detail = `the key of ${previous.origin} was lost; ${by} began ${origin} under another key`
      const alarm = { type: 'system.alarm', data: { what: 'signing-key-lost', detail, grant: null } }
      await record.append(tx, SYSTEM_STREAM, null, [alarm], at)
    }
    return record.append(tx, stream, 0, [draft, { type: 'closed', data: {} }], at)
  })
  if (!event) throw new Error('an append returned nothing')
  if ((event.data.lostKey ?? null) !== lostKey || (lostKey !== null && event.data.newKey !== signer.vkey)) {
    throw new NewOriginRefused(
      `${origin} was begun for another reason and not finished: set LOG_ORIGIN to a name that is new`,
    )
  }
  return Buffer.from(event.hash, 'hex')
}

/** @returns what of the old tree cannot come along: leaves whose event is not there, or not ours */
async function carryOver(tx: Tx, { from, origin, to, tree, macKey }: CarryOver): Promise<string[]> {
  const lost: string[] = []
  const pruned = await readPruned(tx, macKey, origin)
  for (let next = 0; ; ) {
    const rows = await tx<({ leafIndex: number } & (EventRow | { stream: null }))[]>`
      select l.leaf_index as "leafIndex", e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac
      from leaf l left join event e on e.leaf_hash = l.leaf_hash
      where l.log = ${from} and l.leaf_index >= ${next} order by l.leaf_index limit ${PAGE}`
    const genuine = rows.flatMap((row) => {
      const fault = row.stream === null ? 'event-missing' : faultOf(row, macKey, row.leafIndex)
      if (fault && !(row.stream === null && isPruned(pruned, row.leafIndex)))
        lost.push(`leaf ${row.leafIndex}: ${fault}`)
      return fault || row.stream === null ? [] : [row.leafHash]
    })
    await addLeaves(tx, to, tree, genuine)
    next = (rows.at(-1)?.leafIndex ?? 0) + 1
    if (rows.length < PAGE) return lost
  }
}

async function addLeaves(tx: Tx, log: number, tree: TiledTree, hashes: readonly Buffer[]): Promise<void> {
  const first = tree.size()
  for (const hash of hashes) tree.append(hash)
  await tx`
    insert into leaf (log, leaf_index, leaf_hash)
    select ${log}, ${first} + n.place - 1, decode(n.hash, 'hex')
    from unnest(${hashes.map((hash) => hash.toString('hex'))}::text[]) with ordinality as n (hash, place)`
  for (const { level, tileIndex, hashes } of tree.takeChanged()) {
    await tx`
      insert into tile (log, level, tile_index, hashes) values (${log}, ${level}, ${tileIndex}, ${hashes})
      on conflict (log, level, tile_index) do update set hashes = excluded.hashes`
  }
}

async function countLeaves(sql: Db, log: number): Promise<number> {
  const [last] = await sql<{ leafIndex: number }[]>`
    select leaf_index as "leafIndex" from leaf where log = ${log} order by leaf_index desc limit 1`
  return (last?.leafIndex ?? -1) + 1
}

interface OldTree {
  readonly previous: Witnessed
  readonly notes: readonly WitnessedNote[]
  readonly fork: ForkReason | null
  /** How many of its events the database has. */
  readonly had: number
}

interface CarryOver {
  readonly from: number
  /** Of the old tree. */
  readonly origin: string
  readonly to: number
  readonly tree: TiledTree
  readonly macKey: MacKeys
}

export interface NewOriginOptions {
  readonly app: Db
  /** One connection, as the sealer's role. */
  readonly sealer: Db
  readonly record: EventRecord
  readonly macKey: MacKeys
  readonly signer: Signer
  readonly witnessed: Witnessed
  readonly by: string
  /** Said where the old tree cannot go on because its key is gone. */
  readonly lost?: LostKey | null
  /** Epoch ms. */
  readonly at: number
}

export interface NewOrigin {
  readonly previousOrigin: string
  /** What auditors need from now on. */
  readonly vkey: string
  readonly note: string
  /** How many events of the old tree are in the new one. */
  readonly carried: number
  /** Leaves of the old tree whose event is not there any more, or not ours. */
  readonly lost: readonly string[]
  /** How many events the witnesses had confirmed beyond the end of what the database had. */
  readonly cut: number
}

/** The operator reads the message and does what it says. */
export class NewOriginRefused extends Error {
  readonly code = 'NEW_ORIGIN_REFUSED'
  override name = 'NewOriginRefused'
}

import { inTransaction } from '../db/in-transaction.ts'
import type { Db } from '../db/transaction.ts'
import type { KeyFact } from '../domain/house-event.ts'
import { macKeyId } from '../record/mac-keys.ts'
import type { MacRing } from '../record/mac-ring.ts'
import { type EventRow, faultOf } from '../record/recorded-event.ts'
import { KEYS_STREAM } from '../record/verify.ts'
import { NamedActRefused, type NamedSurroundings, performNamed } from './named-act.ts'

/** So long no process may have written under a key that is to be retired. */
const QUIET_MS = 10 * 60_000
const PATIENCE_MS = 60_000
const PAGE = 1_000

/**
 * A named person retires the MAC keys of before: from the leaf of that event on, nothing under them is genuine. Refused while
 * a process may still write under one, since what it wrote would be lost. Called again it finds that it is done.
 * @throws NamedActRefused
 */
export async function retireMacKeys(around: RetireSurroundings, by: string): Promise<RetiredMac[]> {
  return performNamed(around, { by, act: 'retire a MAC key' }, () => retire(around, by))
}

/** As `retireMacKeys`, where it is known who does it. */
export async function retire(around: RetireSurroundings, by: string): Promise<RetiredMac[]> {
  const { db, record, clock, macs } = around
  // Whoever was killed may have recorded it: it has effect once it is sealed, and is not said twice.
  const recorded = await record.endOf(db, KEYS_STREAM)
  if (recorded > 0) await waitForSeal(around, recorded)
  await macs.refresh(db)
  const own = macs.current()
  const others = macs.spans().filter(({ key, upTo }) => upTo === null && !key.equals(own))
  for (const { key } of others) {
    const last = await lastUse(db, own, key)
    if (last === null) throw new NamedActRefused('never-used', notUsed(key))
    if (last > clock.now() - QUIET_MS) throw new NamedActRefused('in-use', inUse(key, last))
  }
  const facts = others.map(({ key }): KeyFact => ({ type: 'record.mac-key-retired', data: { by, key: macKeyId(key) } }))
  if (facts.length === 0) return retiredOf(macs)
  const events = await inTransaction(db, { timeoutMs: 10_000 }, (tx) =>
    record.append(tx, KEYS_STREAM, null, facts, clock.now()),
  )
  await waitForSeal(around, events.at(-1)?.seq ?? 0)
  await macs.refresh(db)
  return retiredOf(macs)
}

async function waitForSeal({ committed, sealed }: RetireSurroundings, seq: number): Promise<void> {
  committed()
  await sealed(KEYS_STREAM, seq, AbortSignal.timeout(PATIENCE_MS)).catch(() => {
    throw new NamedActRefused('not-sealed', 'It is recorded, but not yet under a checkpoint. Look at /readyz')
  })
}

function retiredOf(macs: MacRing): RetiredMac[] {
  return macs.spans().flatMap(({ key, upTo }) => (upTo === null ? [] : [{ id: macKeyId(key), leaf: upTo }]))
}

export interface RetiredMac {
  readonly id: string
  /** From which leaf on nothing under it is genuine. */
  readonly leaf: number
}

/** When the newest event under a key was written, epoch ms; null where none is behind those under our own. */
async function lastUse(db: Db, own: Buffer, key: Buffer): Promise<number | null> {
  const [waiting] = await db<{ at: number }[]>`select max(at) as at from event_pending`
  let after = Number.MAX_SAFE_INTEGER
  for (;;) {
    const rows = await db<(EventRow & { leafIndex: number })[]>`
      select e.stream, e.seq, e.type, e.v, e.at, e.body, e.prev, e.leaf_hash as "leafHash", e.mac,
        l.leaf_index as "leafIndex"
      from leaf l join event e on e.leaf_hash = l.leaf_hash
      where l.log = (select max(id) from log) and l.leaf_index < ${after} and l.leaf_index >= 0
      order by l.leaf_index desc limit ${PAGE}`
    const found = rows.find((row) => faultOf(row, own) !== null && faultOf(row, key) === null)
    // What is not sealed yet may be under either.
    if (found) return Math.max(found.at, waiting?.at ?? 0)
    if (rows.length < PAGE) return null
    after = rows.at(-1)?.leafIndex ?? 0
  }
}

function notUsed(key: Buffer): string {
  return `Nothing on record was written under the key ${macKeyId(key)} of OTHER_MAC_KEY_FILES, so it is no key of before. Is MAC_KEY_FILE the new key here?`
}

function inUse(key: Buffer, last: number): string {
  return `A process wrote under the key ${macKeyId(key)} at ${new Date(last).toISOString()}. Give every process the new key as MAC_KEY_FILE, and call this again ten minutes after the last restart`
}

export interface RetireSurroundings extends NamedSurroundings {
  readonly macs: MacRing
  readonly sealed: (stream: string, seq: number, signal: AbortSignal) => Promise<void>
}

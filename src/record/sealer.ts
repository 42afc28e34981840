import { setTimeout as sleep } from 'node:timers/promises'
import type { Db } from '../db/transaction.ts'
import type { Clock } from '../ports/clock.ts'
import { WitnessRefused, WitnessUnreachable } from '../ports/witness.ts'
import { createKeeper } from './keep-checkpoints.ts'
import { MAC_KEY_RETIRED, type MacRing } from './mac-ring.ts'
import type { EventRow } from './recorded-event.ts'
import { LeaseLost, sealBatch } from './seal-batch.ts'
import { createSealedWaiters } from './sealed-waiters.ts'
import { type Signer, signCheckpoint } from './signer.ts'
import { type Alarm, type ForkReason, type Position, RecordForked, takeOver } from './take-over.ts'
import { type Checkpoint, parseCheckpoint, parseNote } from './verify.ts'
import { type Signing, signerAfter, signerInForce } from './who-signs.ts'
import { type Witnessed, type WitnessedNote, WitnessNoteWrong } from './witnessed.ts'
import { writeCheckpoint } from './write-checkpoint.ts'

export const SEALER_LOCK = 7_240_118_002
const PENDING = 'countersign_pending'
const SEALED = 'countersign_sealed'
const POLL_MS = 1_000
/** A batch of so many shows that more is coming: the next one waits for a moment, and is larger and cheaper for each. */
const MANY = 4
const GATHER_MS_EACH = 8
const LONGEST_GATHER_MS = 200

/**
 * Puts events under the tree, signs, and brings the checkpoints to the witnesses. Every replica has one; the one that
 * holds the advisory lock works, the others stand by. The tree is committed before its signature leaves, so whoever
 * takes over can only sign the same tree.
 * @param options.db a pool of one connection that is not renewed, as the sealer's role: its session holds the lock
 */
export function createSealer(options: SealerOptions): Sealer {
  const { db, macKey: onlyMacKey, macs, signer, nextSigner, witnessed, clock, onAlarm, debounceMs = 0 } = options
  const { reached = async () => undefined } = options
  const signers = nextSigner === undefined ? [signer] : [signer, nextSigner]
  if (db.options.max !== 1)
    throw new RangeError('the sealer needs a pool of one connection: its session holds the lock')
  if (signer.vkey !== witnessed.vkey) throw new RangeError('the signer and the witnesses are of different logs')
  const waiters = createSealedWaiters(db, witnessed)
  const alarmed = new Set<string>()
  const keepers = witnessed.witnesses.map((witness) => createKeeper({ witness, clock, onKept, onRefused }))
  let running = false
  let stopping: Promise<void> | null = null
  let state: 'starting' | 'standby' | 'sealing' | Held = 'starting'
  let lease: Lease | null = null
  let refusal: RecordForked | LeaseLost | null = null
  let refusedSize: number | null = null
  let wanted = false
  let turning: Promise<void> | null = null
  let isListening = false
  let cancelPoll = () => {}
  let cancelKick: (() => void) | null = null

  function wake(): void {
    wanted = true
    if (running) turning ??= takeTurns()
  }

  async function takeTurns(): Promise<void> {
    try {
      while (wanted && running) {
        wanted = false
        const sealed = (await turn().catch(giveUp)) ?? 0
        if (sealed >= MANY) await sleep(Math.min(sealed * GATHER_MS_EACH, LONGEST_GATHER_MS))
      }
    } finally {
      turning = null
    }
  }

  /** @returns how many events it put under the tree */
  async function turn(): Promise<number> {
    if (refusal) throw refusal
    lease ??= await lead()
    if (!lease) return 0
    const { log, tree, backend } = lease
    const macKey = macs?.spans() ?? onlyMacKey
    // Owed by a sealer that died before it signed: nothing may come under the tree before.
    if (lease.next) await publish(lease)
    const by = lease
    const endsWith = (event: EventRow) => event.type === MAC_KEY_RETIRED || signerAfter(event, signers, by) !== null
    const sealed = await sealBatch(db, { log, tree, macKey, lease: backend, at: clock.now(), endsWith })
    const last = sealed?.events.at(-1)
    if (last) lease.next = signerAfter(last, signers, lease)
    if (last?.type === MAC_KEY_RETIRED) await macs?.refresh(db)
    for (const { what, why } of sealed?.forged ?? []) {
      alarm({ code: 'forged-pending', message: `${what} was not put under the tree: ${why}` })
    }
    for (const { stream, events } of sealed?.restored ?? []) {
      const message = `${stream}: ${events} events had lost their place before the sealer; they have it again`
      alarm({ code: 'unsealed-events', message, stream })
    }
    sealed?.events.forEach(({ stream, seq }, place) => {
      waiters.place(stream, seq, sealed.first + place)
    })
    if (sealed) await reached('seal:after-tree')
    if (tree.size() > lease.signed) await publish(lease)
    if (sealed?.more) wanted = true
    return sealed?.events.length ?? 0
  }

  /** Null while another replica leads. */
  async function lead(): Promise<Lease | null> {
    const [lock] = await db<{ held: boolean; backend: number }[]>`
      select pg_try_advisory_lock(${SEALER_LOCK}) as held, pg_backend_pid() as backend`
    if (!lock?.held) {
      state = 'standby'
      return null
    }
    const position = await takeOver(db, witnessed, macs?.spans() ?? onlyMacKey, clock.now())
    position.alarms.forEach(alarm)
    const { keys, handOvers } = position.logKeys
    const own = signerInForce(signers, keys)
    await putOnRecord(position)
    witnessed.startSealing(position.notes)
    const newest = position.notes.reduce<WitnessedNote | null>(
      (best, note) => (best && best.checkpoint.size >= note.checkpoint.size ? best : note),
      null,
    )
    const isCurrent = newest?.checkpoint.size === position.tree.size()
    const changes = handOvers.map(({ checkpoint: note }) => ({
      note,
      checkpoint: parseCheckpoint(parseNote(note).text),
    }))
    for (const [place, { name }] of witnessed.witnesses.entries()) {
      const held = position.notes.find(({ witness }) => witness === name)?.checkpoint.size ?? 0
      for (const one of changes) if (one.checkpoint.size > held) keepers[place]?.offerHandOver(one)
    }
    if (newest && isCurrent) for (const keeper of keepers) keeper.offer(newest)
    state = 'sealing'
    waiters.witnessed(witnessed.size() ?? 0)
    const size = position.tree.size()
    const isSigned = isCurrent || changes.at(-1)?.checkpoint.size === size
    const lease = {
      ...position,
      backend: lock.backend,
      signed: isSigned ? size : 0,
      signer: own,
      used: keys,
      next: null,
    }
    return { ...lease, next: position.unsigned && signerAfter(position.unsigned, signers, lease) }
  }

  /** Who signed what a witness holds may have died before it was written here: the receipt of it would have nothing to stand on. */
  async function putOnRecord({ log, notes }: Position): Promise<void> {
    for (const { note, checkpoint: head } of notes) await writeCheckpoint(db, { log, note, head, at: clock.now() })
  }

  async function publish(lease: Lease): Promise<void> {
    const head = { size: lease.tree.size(), root: lease.tree.root() }
    const { next } = lease
    const note = await signCheckpoint(lease.signer, head, next ?? undefined)
    const checkpoint: Checkpoint = { ...head, origin: witnessed.origin }
    const write = () => writeCheckpoint(db, { log: lease.log, note, head, at: clock.now() })
    if (next === null) {
      lease.signed = head.size
      for (const keeper of keepers) keeper.offer({ note, checkpoint })
      await write()
      return
    }
    // On record before a witness has it: whoever leads next must know by it which key is in force.
    if ((await write()) !== note) {
      throw new RecordForked('checkpoint-taken', `there is another checkpoint of size ${head.size} at the hand-over`)
    }
    lease.signed = head.size
    lease.used = [...lease.used, { vkey: next.vkey }]
    lease.signer = next
    lease.next = null
    for (const keeper of keepers) keeper.offerHandOver({ note, checkpoint })
  }

  async function onKept(note: WitnessedNote): Promise<void> {
    await reached('seal:after-witness')
    const before = witnessed.size()
    witnessed.confirm(note)
    const size = witnessed.size()
    if (!lease || size === null) return
    void inBackground(db`
      insert into witness_receipt (log, size, witness, at)
      values (${lease.log}, ${note.checkpoint.size}, ${note.witness}, ${clock.now()}) on conflict do nothing`)
    if (size === before) return
    alarmed.clear()
    waiters.witnessed(size)
    void inBackground(db.notify(SEALED, String(size)))
  }

  /**
   * A process that was held up may find that another one leads and has gone on: then it only has to stand by. Taking over
   * anew tells that from a fork; a second refusal of the same tree is one.
   */
  function onRefused(witness: string, cause: WitnessRefused): void {
    if (!lease) return
    const again = refusedSize === lease.tree.size()
    refusedSize = lease.tree.size()
    const message = `witness ${witness} refused our checkpoint: ${cause.message}`
    refusal = again ? new RecordForked('witness-refused', message, { cause }) : new LeaseLost()
    wake()
  }

  /** Receipts and notices are for show: who waits for them looks again at the next poll. */
  async function inBackground(work: PromiseLike<unknown>): Promise<void> {
    try {
      await work
    } catch {
      // The connection is gone; the next turn finds out and says so.
    }
  }

  async function giveUp(error: unknown): Promise<void> {
    refusal = null
    lease = null
    witnessed.stopSealing()
    for (const keeper of keepers) keeper.forget()
    await inBackground(db`select pg_advisory_unlock_all()`)
    if (error instanceof LeaseLost) {
      state = 'starting'
      wanted = true
      return
    }
    const message = error instanceof Error ? error.message : String(error)
    if (error instanceof RecordForked || error instanceof WitnessNoteWrong || error instanceof WitnessRefused) {
      state = { status: 'forked', reason: forkReason(error), message }
      alarm({ code: 'record-forked', message })
    } else {
      state = { status: 'waiting', message }
      if (!(error instanceof WitnessUnreachable)) alarm({ code: 'sealer-failed', message })
    }
  }

  /** Once for each thing, until a witness confirms again. */
  function alarm(what: Alarm): void {
    if (alarmed.size === alarmed.add(what.message).size) return
    onAlarm(what)
  }

  function poll(): void {
    cancelPoll = clock.runAt(clock.now() + POLL_MS, poll)
    wake()
    void inBackground(waiters.lookUp())
    if (macs) void inBackground(macs.refresh(db))
    void listen()
  }

  async function listen(): Promise<void> {
    if (isListening) return
    isListening = true
    try {
      await db.listen(PENDING, () => {
        if (state !== 'standby') wake()
      })
      await db.listen(SEALED, () => {
        if (state === 'standby') void inBackground(waiters.lookUp())
      })
    } catch {
      isListening = false // tried again at the next poll, which also does what a notice would have done
    }
  }

  function kickNow(): void {
    cancelKick = null
    if (state === 'standby') void inBackground(db.notify(PENDING, ''))
    else wake()
  }

  async function stop(): Promise<void> {
    running = false
    cancelPoll()
    cancelKick?.()
    waiters.end(new SealerStopped('the sealer has stopped'))
    await turning
    await Promise.all(keepers.map((keeper) => keeper.stop()))
    lease = null
    witnessed.stopSealing()
    await inBackground(db`select pg_advisory_unlock_all()`)
  }

  return {
    start() {
      if (running || stopping) return
      running = true
      poll()
    },
    stop() {
      stopping ??= stop()
      return stopping
    },
    kick() {
      if (!running) return
      if (debounceMs === 0) kickNow()
      else cancelKick ??= clock.runAt(clock.now() + debounceMs, kickNow)
    },
    sealed(stream, seq, signal) {
      if (!running) return Promise.reject(new SealerStopped('the sealer does not run'))
      const promise = waiters.wait(stream, seq, signal)
      void inBackground(waiters.lookUp([{ stream, seq }]))
      return promise
    },
    state() {
      if (!running) return { status: 'stopped' }
      if (typeof state === 'object') return state
      if (state !== 'sealing' || !lease) return { status: state === 'sealing' ? 'starting' : state }
      const behind = keepers.flatMap((keeper, place) => {
        const error = keeper.error()
        return error === null ? [] : [{ witness: witnessed.witnesses[place]?.name ?? '', error }]
      })
      return { status: 'sealing', size: lease.tree.size(), witnessed: witnessed.size() ?? 0, behind }
    },
  }
}

function forkReason(error: RecordForked | WitnessNoteWrong | WitnessRefused): ForkReason {
  if (error instanceof RecordForked) return error.reason
  return error instanceof WitnessNoteWrong ? 'witness-note-wrong' : 'witness-refused'
}

interface Lease extends Position, Signing {
  /** Of the session that holds the lock. */
  readonly backend: number
  /** Size of the last checkpoint that was signed. */
  signed: number
}

type Held =
  /** The database, a witness or the signer cannot be reached. Tried again every second. */
  | { readonly status: 'waiting'; readonly message: string }
  /** Refuses to sign. Grants wait for a person; revocations go on. */
  | { readonly status: 'forked'; readonly reason: ForkReason; readonly message: string }

export type SealerState =
  | { readonly status: 'stopped' | 'starting' | 'standby' }
  | {
      readonly status: 'sealing'
      readonly size: number
      /** Leaves that every witness has confirmed. */
      readonly witnessed: number
      /** Witnesses whose last attempt failed. */
      readonly behind: readonly { readonly witness: string; readonly error: string }[]
    }
  | Held

export class SealerStopped extends Error {
  readonly code = 'SEALER_STOPPED'
  override name = 'SealerStopped'
}

export interface SealerOptions {
  readonly db: Db
  readonly macKey: Buffer
  /** In place of it, where there may be several. */
  readonly macs?: MacRing
  readonly signer: Signer
  /** Takes over when an event appoints it. */
  readonly nextSigner?: Signer
  readonly witnessed: Witnessed
  readonly clock: Clock
  /** Pages a person. Called once for each thing that is wrong. */
  onAlarm(alarm: Alarm): void
  /** Collects kicks for so long; 0 seals at once and collects while sealing. */
  readonly debounceMs?: number
  /** Test hook: called between committed steps. */
  reached?(point: 'seal:after-tree' | 'seal:after-witness'): Promise<void>
}

export interface Sealer {
  /** Once in its life. */
  start(): void
  /** Waits for what is under way, and lets another replica lead. The pool stays open, and its LISTEN with it. */
  stop(): Promise<void>
  /** After each commit that appended events: here, or wherever the leader is. Never inside the transaction. */
  kick(): void
  /** Resolves when the event is inside a witnessed checkpoint. A wake-up, not a proof: `readWitnessed` proves. */
  sealed(stream: string, seq: number, signal?: AbortSignal): Promise<void>
  state(): SealerState
}

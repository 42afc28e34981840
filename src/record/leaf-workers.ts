import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { closeDb, type DbPlace, openDb } from '../db/client.ts'
import { type CheckedLeaves, checkLeaves, type LeafRange, type LeafTask } from './check-leaves.ts'
import { BY_INDEX } from './read-leaves.ts'

/** A range is read in one statement. */
const RANGE_MS = 10 * 60_000
/** Whoever locks a table for longer is waited for by hand. */
const LOCK_MS = 30_000
/** A check gives way to the work: on a busy machine its turn comes late. */
export const CONNECT_MS = 30_000
/** What a thread may keep: a range is small, and what is left over from the last one must go. */
const LIMITS = { maxOldGenerationSizeMb: 96, maxYoungGenerationSizeMb: 48 }

/** Checks ranges of leaves on threads of their own, each with its own connection; with none, in this thread. */
export function openLeafWorkers(place: DbPlace, task: LeafTask, threads: number): LeafWorkers {
  return threads === 0 ? checkHere(place, task) : checkInThreads(place, task, threads)
}

function checkHere(place: DbPlace, task: LeafTask): LeafWorkers {
  const reader = openLeafReader(place, task)
  return { threads: 1, check: reader.check, close: reader.close }
}

/** One connection that reads ranges, one at a time. */
export function openLeafReader(place: DbPlace, task: LeafTask) {
  const db = openDb(place.url, {
    ...{ applicationName: 'countersign verify', max: 1, statementTimeoutMs: RANGE_MS, lockTimeoutMs: LOCK_MS },
    connectTimeoutMs: CONNECT_MS,
    ...(place.role !== undefined && { role: place.role }),
  })
  return {
    check: (range: LeafRange): Promise<CheckedLeaves> =>
      db.begin('read only', async (tx) => {
        await tx.unsafe(BY_INDEX)
        return checkLeaves(tx, task, range)
      }) as Promise<CheckedLeaves>,
    close: () => closeDb(db),
  }
}

function checkInThreads(place: DbPlace, task: LeafTask, threads: number): LeafWorkers {
  const all = Array.from({ length: threads }, () => startThread(place, task))
  const idle = [...all]
  const waiting: ((thread: Thread) => void)[] = []
  const take = async () => idle.pop() ?? (await new Promise<Thread>((resolve) => waiting.push(resolve)))
  const giveBack = (thread: Thread) => {
    const next = waiting.shift()
    if (next) next(thread)
    else idle.push(thread)
  }
  return {
    threads,
    async check(range) {
      const thread = await take()
      try {
        return await thread.check(range)
      } finally {
        giveBack(thread)
      }
    },
    async close() {
      await Promise.all(all.map((thread) => thread.stop()))
    },
  }
}

function startThread(place: DbPlace, task: LeafTask): Thread {
  const worker = new Worker(new URL('./leaf-worker.ts', import.meta.url), {
    workerData: { place, task } satisfies LeafWorkerData,
    resourceLimits: LIMITS,
  })
  let answer: PromiseWithResolvers<CheckedLeaves> | null = null
  let fault: unknown = null
  const settle = (how: (waiting: PromiseWithResolvers<CheckedLeaves>) => void) => {
    const waiting = answer
    answer = null
    if (waiting) how(waiting)
  }
  const fail = (error: unknown) => {
    fault ??= error
    settle(({ reject }) => reject(fault))
  }
  worker.on('message', (message: LeafAnswer) => {
    settle(({ resolve, reject }) => ('fault' in message ? reject(message.fault) : resolve(asChecked(message.checked))))
  })
  worker.on('error', fail)
  worker.on('exit', () => fail(new Error('a thread of the verification ended')))
  return {
    check(range) {
      if (fault !== null) return Promise.reject(fault)
      const waiting = Promise.withResolvers<CheckedLeaves>()
      answer = waiting
      worker.postMessage(range)
      return waiting.promise
    },
    async stop() {
      const ended = once(worker, 'exit')
      worker.postMessage('stop')
      if (fault !== null || answer !== null) await worker.terminate()
      else await ended
    },
  }
}

/** Buffers arrive from another thread as plain bytes. */
function asChecked(checked: CheckedLeaves): CheckedLeaves {
  const buffer = (bytes: Uint8Array) => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return {
    ...checked,
    leaves: buffer(checked.leaves),
    checkpoints: checked.checkpoints.map((head) => ({ ...head, root: buffer(head.root) })),
  }
}

export interface LeafWorkerData {
  readonly place: DbPlace
  readonly task: LeafTask
}

export type LeafAnswer = { readonly checked: CheckedLeaves } | { readonly fault: unknown }

export interface LeafWorkers {
  readonly threads: number
  check(range: LeafRange): Promise<CheckedLeaves>
  close(): Promise<void>
}

interface Thread {
  /** One at a time. */
  check(range: LeafRange): Promise<CheckedLeaves>
  stop(): Promise<void>
}

import { Worker } from 'node:worker_threads'
import { type DbPlace, placeOf } from '../db/client.ts'
import type { Db } from '../db/transaction.ts'
import type { MacKeys } from './mac-keys.ts'
import { askWitnesses, type Expected, type LogVerdict } from './verify-log.ts'
import { readProgress } from './verify-progress.ts'
import type { Witnessed } from './witnessed.ts'

/** Between two ranges: about as long as one takes, so that the database has at most half of one core to spend on it. */
const PAUSE_MS = 150
const LIMITS = { maxOldGenerationSizeMb: 128, maxYoungGenerationSizeMb: 32 }

/**
 * Checks the record beside the work of this process and holds up none of it: on one thread of the lowest priority, with
 * rests, on connections of its own.
 * @param options.progress what an earlier check has kept, as text; null to read everything
 * @param options.keep is given what this one wants kept, now and then
 * @throws ProgressRefused, WitnessUnreachable
 */
export async function verifyApart(
  db: Db,
  macKey: Buffer,
  witnessed: Witnessed,
  options: ApartOptions,
): Promise<LogVerdict> {
  // Here, because an error loses its name on the way from another thread.
  if (options.progress !== null) readProgress(macKey, witnessed.origin, options.progress)
  const asked = await askWitnesses(witnessed)
  options.signal.throwIfAborted()
  const { macKeys = macKey } = options
  const expected: Expected = { ...asked, macKey, macKeys, origin: witnessed.origin, vkey: witnessed.vkey }
  const { progress, readAt, signal, keep } = options
  const worker = new Worker(new URL('./verify-thread.ts', import.meta.url), {
    workerData: { place: placeOf(db), expected, progress, readAt, pauseMs: PAUSE_MS } satisfies ThreadTask,
    resourceLimits: LIMITS,
  })
  const done = Promise.withResolvers<LogVerdict>()
  let keeping = Promise.resolve()
  worker.on('message', (said: ThreadSaid) => {
    if (said.what === 'progress') keeping = keeping.then(() => keep(said.text))
    else if (said.what === 'verdict') done.resolve(said.verdict)
    else done.reject(said.fault)
  })
  worker.on('error', done.reject)
  worker.on('exit', () => done.reject(new Error('the thread of the verification ended')))
  const abort = () => done.reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  try {
    return await done.promise
  } finally {
    signal.removeEventListener('abort', abort)
    await worker.terminate()
    await keeping
  }
}

export interface ApartOptions {
  /** All that there are, where there are several. */
  readonly macKeys?: MacKeys
  readonly progress: string | null
  /** Epoch ms now. */
  readonly readAt: number
  readonly signal: AbortSignal
  keep(progress: string): Promise<void>
}

export interface ThreadTask {
  readonly place: DbPlace
  readonly expected: Expected
  readonly progress: string | null
  readonly readAt: number
  readonly pauseMs: number
}

export type ThreadSaid =
  | { readonly what: 'progress'; readonly text: string }
  | { readonly what: 'verdict'; readonly verdict: LogVerdict }
  | { readonly what: 'fault'; readonly fault: unknown }

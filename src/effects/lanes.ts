import { setTimeout as sleep } from 'node:timers/promises'
import { type LaneConnectionOptions, type Lock, openLaneConnection } from './lane-connection.ts'

const SHORTEST_WAIT_MS = 25
const LONGEST_WAIT_MS = 200

/**
 * A lane lets work on one thing be done by one worker at a time, over all replicas: one database
 * connection a replica, with as many session locks as there are lanes in use.
 *
 * A lane avoids waste and keeps order; it proves nothing. When the connection is lost, another replica
 * may have the lane before this one has noticed: the event's place in its stream is what lets only one
 * of the two go on.
 */
export function createLanes(options: LaneConnectionOptions): Lanes {
  const connection = openLaneConnection(options)
  const inUse = new Map<string, Promise<unknown>>()
  let stopped: Promise<void> | null = null

  /** Runs one after the other what this process wants with a key: a session lock does not exclude its own session. */
  function inTurn<T>(key: string, run: () => Promise<T>): Promise<T> {
    if (stopped) return Promise.reject(new LanesStopped())
    const turn = (inUse.get(key) ?? Promise.resolve()).then(run)
    const over = turn.then(
      () => undefined,
      () => undefined,
    )
    inUse.set(key, over)
    void over.then(() => inUse.get(key) === over && inUse.delete(key))
    return turn
  }

  async function waitForLock(key: string, signal?: AbortSignal): Promise<Lock> {
    for (let waitMs = SHORTEST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      if (stopped) throw new LanesStopped()
      signal?.throwIfAborted()
      const lock = await connection.tryLock(key)
      if (lock) return lock
      await sleep(waitMs * (0.5 + Math.random() / 2), undefined, signal && { signal }).catch(() => undefined)
    }
  }

  return {
    withLane: (key, work, { signal } = {}) =>
      inTurn(key, async () => {
        const lock = await waitForLock(key, signal)
        return workIn(lock, key, work)
      }),
    async tryLane(key, work) {
      if (inUse.has(key)) return null
      return inTurn(key, async () => {
        const lock = await connection.tryLock(key)
        return lock && { value: await workIn(lock, key, work) }
      })
    },
    stop() {
      stopped ??= Promise.all(inUse.values()).then(() => connection.close())
      return stopped
    },
  }
}

async function workIn<T>(lock: Lock, key: string, work: (lane: Lane) => Promise<T>): Promise<T> {
  try {
    return await work({ key, lost: lock.lost })
  } finally {
    await lock.release()
  }
}

export interface Lanes {
  /**
   * Waits for the lane, in this process in the order of asking, then works in it.
   * @throws what `work` throws; the signal's reason when it is aborted while waiting; `LanesStopped`
   */
  withLane<T>(key: string, work: (lane: Lane) => Promise<T>, options?: { signal?: AbortSignal }): Promise<T>
  /** Works in the lane if it is free now. Null when somebody else is in it. */
  tryLane<T>(key: string, work: (lane: Lane) => Promise<T>): Promise<{ value: T } | null>
  /** Waits for the work in all lanes and for no lane any longer, then closes the connection. Twice is harmless. */
  stop(): Promise<void>
}

export interface Lane {
  readonly key: string
  /** Aborted when the lock went with its connection. Finish the step at hand, and begin no other. */
  readonly lost: AbortSignal
}

export class LanesStopped extends Error {
  override name = 'LanesStopped'
  readonly code = 'LANES_STOPPED'
  constructor() {
    super('this process stops and takes no more lanes')
  }
}

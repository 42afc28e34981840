import type { Db } from '../db/transaction.ts'
import type { Witnessed } from './witnessed.ts'

/** Those who wait until an event is inside a witnessed checkpoint. */
export function createSealedWaiters(db: Db, witnessed: Witnessed): SealedWaiters {
  const waiting = new Map<string, Set<Waiter>>()

  function settle(waiter: Waiter, error: Error | null): void {
    const key = keyOf(waiter)
    const others = waiting.get(key)
    others?.delete(waiter)
    if (others?.size === 0) waiting.delete(key)
    if (error) waiter.reject(error)
    else waiter.resolve()
  }

  const all = () => [...waiting.values()].flatMap((waiters) => [...waiters])

  function place(stream: string, seq: number, leafIndex: number): void {
    for (const waiter of waiting.get(keyOf({ stream, seq })) ?? []) waiter.leafIndex = leafIndex
  }

  function letGo(size: number): void {
    for (const waiter of all()) {
      if (waiter.leafIndex !== null && waiter.leafIndex < size) settle(waiter, null)
    }
  }

  async function findPlaces(events: readonly EventPlace[]): Promise<void> {
    const rows = await db<{ stream: string; seq: number; leafIndex: number }[]>`
      select e.stream, e.seq, l.leaf_index as "leafIndex"
      from unnest(${events.map(({ stream }) => stream)}::text[], ${events.map(({ seq }) => seq)}::bigint[])
        as w (stream, seq)
      join event e on e.stream = w.stream and e.seq = w.seq
      join leaf l on l.leaf_hash = e.leaf_hash and l.log = (select max(id) from log)`
    for (const { stream, seq, leafIndex } of rows) place(stream, seq, leafIndex)
  }

  /** What another replica had confirmed. */
  async function receivedSize(): Promise<number> {
    const rows = await db<{ size: number }[]>`
      select max(size) as size from witness_receipt
      where log = (select max(id) from log) and witness = any(${witnessed.witnesses.map(({ name }) => name)}::text[])
      group by witness`
    return rows.length < witnessed.witnesses.length ? 0 : Math.min(...rows.map(({ size }) => size))
  }

  return {
    wait: (stream, seq, signal) =>
      new Promise<void>((resolve, reject) => {
        const waiter: Waiter = { stream, seq, leafIndex: null, resolve, reject }
        const key = keyOf(waiter)
        waiting.set(key, (waiting.get(key) ?? new Set()).add(waiter))
        const abort = () => settle(waiter, new Error('no longer waiting', { cause: signal?.reason }))
        if (signal?.aborted) abort()
        else signal?.addEventListener('abort', abort, { once: true })
      }),
    place,
    witnessed: letGo,
    async lookUp(events = all().filter(({ leafIndex }) => leafIndex === null)) {
      if (events.length > 0) await findPlaces(events)
      if (waiting.size > 0) letGo(witnessed.size() ?? (await receivedSize()))
    },
    end(error) {
      for (const waiter of all()) settle(waiter, error)
    },
  }
}

function keyOf({ stream, seq }: EventPlace): string {
  return `${seq} ${stream}`
}

interface Waiter extends EventPlace {
  leafIndex: number | null
  resolve(): void
  reject(error: Error): void
}

interface EventPlace {
  readonly stream: string
  readonly seq: number
}

export interface SealedWaiters {
  wait(stream: string, seq: number, signal?: AbortSignal): Promise<void>
  place(stream: string, seq: number, leafIndex: number): void
  /** Every witness has confirmed this many leaves. */
  witnessed(size: number): void
  /** Learns of what another replica sealed, or what was sealed before somebody began to wait for it. */
  lookUp(events?: readonly EventPlace[]): Promise<void>
  end(error: Error): void
}

/** Those who wait until an event is inside a witnessed checkpoint. */
export function createSealedWaiters(): SealedWaiters {
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
    unplaced: () => all().filter(({ leafIndex }) => leafIndex === null),
    place(stream, seq, leafIndex) {
      for (const waiter of waiting.get(keyOf({ stream, seq })) ?? []) waiter.leafIndex = leafIndex
    },
    witnessed(size) {
      for (const waiter of all()) {
        if (waiter.leafIndex !== null && waiter.leafIndex < size) settle(waiter, null)
      }
    },
    any: () => waiting.size > 0,
    end(error) {
      for (const waiter of all()) settle(waiter, error)
    },
  }
}

function keyOf({ stream, seq }: { stream: string; seq: number }): string {
  return `${seq} ${stream}`
}

interface Waiter {
  readonly stream: string
  readonly seq: number
  leafIndex: number | null
  resolve(): void
  reject(error: Error): void
}

export interface SealedWaiters {
  wait(stream: string, seq: number, signal?: AbortSignal): Promise<void>
  /** Those whose place under the tree is not known. */
  unplaced(): readonly { readonly stream: string; readonly seq: number }[]
  place(stream: string, seq: number, leafIndex: number): void
  /** Every witness has confirmed this many leaves. */
  witnessed(size: number): void
  any(): boolean
  end(error: Error): void
}

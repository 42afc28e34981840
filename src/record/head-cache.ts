import type { StreamPlace } from './compose.ts'

/**
 * Where streams ended when this process last saw them. A hint that saves a round trip: the database compares, so an
 * entry that is old, or of a transaction that was rolled back, only costs a second look.
 *
 * How far a stream was seen sealed is no hint: what is under the tree was committed and stays, so a stream that ends
 * before it was cut.
 */
export function createHeadCache(limit = 10_000): HeadCache {
  const places = createRecent<StreamPlace>(limit)
  const sealed = createRecent<number>(limit)
  return {
    get: places.get,
    set: (place) => places.set(place.stream, place),
    sealedTo: (stream) => sealed.get(stream) ?? 0,
    sawSealed: sealed.set,
  }
}

/**
 * At least half of `limit` entries that were set last. Two maps, of which the older is dropped whole: a map from which
 * the first is deleted again and again keeps the holes and walks over them.
 */
function createRecent<T>(limit: number): { get(key: string): T | undefined; set(key: string, value: T): void } {
  let young = new Map<string, T>()
  let old = young
  return {
    get: (key) => young.get(key) ?? old.get(key),
    set: (key, value) => {
      young.set(key, value)
      if (young.size * 2 < limit) return
      old = young
      young = new Map()
    },
  }
}

export interface HeadCache {
  get(stream: string): StreamPlace | undefined
  set(place: StreamPlace): void
  /** The last sequence that this process saw under the tree; 0 for none. */
  sealedTo(stream: string): number
  sawSealed(stream: string, seq: number): void
}

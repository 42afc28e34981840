import type { StreamPlace } from './compose.ts'

/**
 * Where streams ended when this process last saw them. A hint that saves a round trip: the database compares, so an
 * entry that is old, or of a transaction that was rolled back, only costs a second look.
 *
 * How far a stream was seen sealed is no hint: what is under the tree was committed and stays, so a stream that ends
 * before it was cut.
 */
export function createHeadCache(limit = 10_000): HeadCache {
  const places = new Map<string, StreamPlace>()
  const sealed = new Map<string, number>()

  function keep<T>(kept: Map<string, T>, stream: string, value: T): void {
    kept.delete(stream)
    kept.set(stream, value)
    const [oldest] = kept.keys()
    if (kept.size > limit && oldest !== undefined) kept.delete(oldest)
  }

  return {
    get: (stream) => places.get(stream),
    set: (place) => keep(places, place.stream, place),
    sealedTo: (stream) => sealed.get(stream) ?? 0,
    sawSealed: (stream, seq) => keep(sealed, stream, seq),
  }
}

export interface HeadCache {
  get(stream: string): StreamPlace | undefined
  set(place: StreamPlace): void
  /** The last sequence that this process saw under the tree; 0 for none. */
  sealedTo(stream: string): number
  sawSealed(stream: string, seq: number): void
}

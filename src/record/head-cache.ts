import type { StreamPlace } from './compose.ts'

/**
 * Where streams ended when this process last saw them. A hint that saves a round trip: the database compares, so an
 * entry that is old, or of a transaction that was rolled back, only costs a second look.
 */
export function createHeadCache(limit = 10_000): HeadCache {
  const places = new Map<string, StreamPlace>()
  return {
    get: (stream) => places.get(stream),
    set(place) {
      places.delete(place.stream)
      places.set(place.stream, place)
      const [oldest] = places.keys()
      if (places.size > limit && oldest !== undefined) places.delete(oldest)
    },
  }
}

export interface HeadCache {
  get(stream: string): StreamPlace | undefined
  set(place: StreamPlace): void
}

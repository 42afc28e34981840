import { createHmac, hash } from 'node:crypto'

const BYTES = 32

/**
 * Checks all chains in little memory. Every event is the end of its stream, or exactly one event follows it; so the
 * places of all events, less the places that some event says it follows, must be the heads. Both sides are compared as
 * sums of keyed hashes (MSet-Add-Hash of Clarke and others, Incremental Multiset Hash Functions, 2003), here in eight
 * words that are added each by itself: who does not know the key cannot find two sets with one sum.
 * @param key of one check, from `chainKey`
 * @param start a value of an earlier sum with the same key
 */
export function createChainSum(key: string, start: string = '00'.repeat(BYTES)): ChainSum {
  const sum = wordsOf(start)
  const term = Buffer.alloc(BYTES)
  const words = new Uint32Array(term.buffer, term.byteOffset, BYTES / 4)

  /** Adding wraps around in each word. */
  function add(value: Uint32Array, sign: 1 | -1): void {
    for (let place = 0; place < sum.length; place++) sum[place] = (sum[place] ?? 0) + sign * (value[place] ?? 0)
  }

  function termOf(stream: string, seq: number, leaf: string): Uint32Array {
    term.write(hash('sha256', `${key}${leaf}${seq} ${stream}`, 'binary'), 'latin1')
    return words
  }

  return {
    add: (stream, seq, leaf) => add(termOf(stream, seq, leaf), 1),
    subtract: (stream, seq, leaf) => add(termOf(stream, seq, leaf), -1),
    plus: (value) => add(wordsOf(value), 1),
    value: () => Buffer.from(sum.buffer).toString('hex'),
    isZero: () => sum.every((word) => word === 0),
  }
}

function wordsOf(value: string): Uint32Array {
  return new Uint32Array(new Uint8Array(Buffer.from(value, 'hex')).buffer)
}

/** As long as the MAC key is outside the database, so is this. @param salt drawn for one check */
export function chainKey(macKey: Buffer, salt: string): string {
  return createHmac('sha256', macKey).update(`countersign chain sum ${salt}`).digest('hex')
}

export interface ChainSum {
  /** @param leaf a character a byte */
  add(stream: string, seq: number, leaf: string): void
  subtract(stream: string, seq: number, leaf: string): void
  /** @param value of another sum with the same key */
  plus(value: string): void
  /** Hex. */
  value(): string
  /** True when as much was subtracted as added. */
  isZero(): boolean
}

import { randomBytes } from 'node:crypto'

/** Random: an id says nothing of how many there are. A collision is refused by the stream's head. */
export function newId(kind: 'G' | 'R' | 'P' | 'D'): string {
  // People are many, and theirs are never given again.
  const length = kind === 'G' || kind === 'R' ? 6 : 8
  const letters = Array.from(randomBytes(length), (byte) => ALPHABET[byte % ALPHABET.length])
  return `${kind}-${letters.join('')}`
}

/** Of 32 letters a byte chooses each as often as any other. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

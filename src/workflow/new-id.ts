import { randomBytes } from 'node:crypto'

/** Random: an id says nothing of how many there are. A collision is refused by the stream's head. */
export function newId(kind: 'G' | 'R'): string {
  const letters = Array.from(randomBytes(6), (byte) => ALPHABET[byte % ALPHABET.length])
  return `${kind}-${letters.join('')}`
}

/** Of 32 letters a byte chooses each as often as any other. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

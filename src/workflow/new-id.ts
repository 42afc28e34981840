import { randomBytes } from 'node:crypto'

/** Random: an id says nothing of how many there are. A collision is refused by the stream's head. */
export function newId(kind: 'G' | 'R' | 'F' | 'H' | 'E' | 'P' | 'D' | 'T'): string {
  // People and lines of threads are many, and theirs are never given again.
  return `${kind}-${randomLetters(['P', 'D', 'T'].includes(kind) ? 8 : 6)}`
}

/** Five random bits each, in letters that nobody takes for another. */
export function randomLetters(count: number): string {
  return Array.from(randomBytes(count), (byte) => ALPHABET[byte % ALPHABET.length]).join('')
}

/** 32 letters, none like another: 256 is a multiple, so a random byte chooses each as often. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

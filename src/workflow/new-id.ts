import { randomInt } from 'node:crypto'

/** Random: an id says nothing of how many there are. A collision is refused by the stream's head. */
export function newId(kind: 'G' | 'R'): string {
  const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
  const letters = Array.from({ length: 6 }, () => alphabet[randomInt(alphabet.length)])
  return `${kind}-${letters.join('')}`
}

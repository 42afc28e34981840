import { hash } from 'node:crypto'

/** To compare a key by telephone: SHA-256 of its text, as `printf %s "$KEY" | sha256sum` prints it. */
export function fingerprintOf(vkey: string): string {
  return hash('sha256', vkey, 'hex')
}

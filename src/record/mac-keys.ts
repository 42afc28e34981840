import { hash } from 'node:crypto'

/** A MAC key, and the leaf from which on no event under it is genuine; null while it is in use. */
export interface MacSpan {
  readonly key: Buffer
  readonly upTo: number | null
}

/** One key for all of the log, or several in turn. */
export type MacKeys = Buffer | readonly MacSpan[]

/** The keys under which an event may be at a leaf. @param leafIndex null for one that is not sealed yet */
export function keysAtLeaf(keys: MacKeys, leafIndex: number | null): readonly Buffer[] {
  if (Buffer.isBuffer(keys)) return [keys]
  return keys.filter(({ upTo }) => upTo === null || (leafIndex !== null && leafIndex < upTo)).map(({ key }) => key)
}

/** On the way to another thread, buffers lose what makes them buffers. */
export function reviveMacKeys(keys: MacKeys): MacKeys {
  if (!Array.isArray(keys)) return Buffer.from(keys as Uint8Array)
  return keys.map(({ key, upTo }: MacSpan) => ({ key: Buffer.from(key), upTo }))
}

/** Names a key, and does not tell it: it has 256 random bits. */
export function macKeyId(key: Buffer): string {
  return hash('sha256', Buffer.concat([Buffer.from('countersign mac key\n'), key]), 'hex').slice(0, 16)
}

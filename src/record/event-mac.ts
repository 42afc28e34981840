import { hash } from 'node:crypto'

const BLOCK_BYTES = 64
const HASH_BYTES = 32

/** Says that a holder of the key wrote the event; the key is not in the database. */
export function macOf(macKey: Buffer, leafHash: Buffer): Buffer {
  const mac = prepared.get(macKey) ?? createMac(macKey)
  prepared.set(macKey, mac)
  return Buffer.from(mac(leafHash.toString('latin1')), 'latin1')
}

const prepared = new WeakMap<Buffer, (leafHash: string) => string>()

/**
 * HMAC-SHA-256 (RFC 2104) of 32 bytes, with what depends on the key prepared once: every event read or written has one.
 * Digests are strings of one character a byte, which Node makes at a third of the cost of buffers.
 */
export function createMac(key: Buffer): (leafHash: string) => string {
  const padded = Buffer.alloc(BLOCK_BYTES)
  Buffer.from(key.length > BLOCK_BYTES ? hash('sha256', key) : key.toString('hex'), 'hex').copy(padded)
  const inner = Buffer.concat([padded.map((byte) => byte ^ 0x36), Buffer.alloc(HASH_BYTES)])
  const outer = Buffer.concat([padded.map((byte) => byte ^ 0x5c), Buffer.alloc(HASH_BYTES)])
  return (leafHash) => {
    inner.write(leafHash, BLOCK_BYTES, HASH_BYTES, 'latin1')
    outer.write(hash('sha256', inner, 'binary'), BLOCK_BYTES, HASH_BYTES, 'latin1')
    return hash('sha256', outer, 'binary')
  }
}

import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { open } from 'node:fs/promises'
import { KeyInvalid } from './signer.ts'

/** A new Ed25519 key, PKCS #8 in PEM. */
export function newSigningKey(): string {
  return String(generateKeyPairSync('ed25519').privateKey.export({ format: 'pem', type: 'pkcs8' }))
}

/** A new key for the MAC of events, as text for a file. */
export function newMacKey(): string {
  return `${randomBytes(32).toString('hex')}\n`
}

/** @param text 64 hex digits, as `openssl rand -hex 32` writes. @throws KeyInvalid */
export function parseMacKey(text: string): Buffer {
  if (!/^[0-9a-f]{64}$/.test(text.trim())) {
    throw new KeyInvalid('the MAC key is not 64 hex digits: make one with openssl rand -hex 32')
  }
  return Buffer.from(text.trim(), 'hex')
}

/** Writes a key for its owner's eyes alone, durably. @throws EEXIST when there is one: a key is never written over */
export async function createKeyFile(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600)
  try {
    await file.writeFile(text)
    await file.sync()
  } finally {
    await file.close()
  }
}

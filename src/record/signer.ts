import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto'
import { formatVkey, isKeyName, parseVkey, type TreeHead } from './verify.ts'

/** Signs checkpoints. The key lives outside the database; an adapter may ask a key service. */
export interface Signer {
  /** C2SP verifier key; its name is the origin of the log. */
  readonly vkey: string
  /** Ed25519 signature over the UTF-8 text. */
  sign(text: string): Promise<Buffer>
}

/**
 * @param pem PKCS #8, such as `openssl genpkey -algorithm ed25519` writes
 * @param origin name of the log, and so of its key
 * @throws KeyInvalid
 */
export function parseSigningKey(pem: string, origin: string): Signer {
  let key: KeyObject
  try {
    key = createPrivateKey(pem)
  } catch {
    // The cause is dropped: it may quote the key.
    throw new KeyInvalid(
      'the signing key is not a private key in PEM: make one with openssl genpkey -algorithm ed25519',
    )
  }
  if (key.asymmetricKeyType !== 'ed25519')
    throw new KeyInvalid(`the signing key is ${key.asymmetricKeyType}, not ed25519`)
  if (!isKeyName(origin)) throw new KeyInvalid(`the origin "${origin}" must not be empty or hold white space or a plus`)
  return {
    vkey: formatVkey(origin, createPublicKey(key)),
    sign: async (text) => sign(null, Buffer.from(text, 'utf8'), key),
  }
}

/**
 * A C2SP checkpoint of the signer's log, as a signed note.
 * @param next the signer that follows: at a hand-over both sign
 */
export async function signCheckpoint(signer: Signer, { size, root }: TreeHead, next?: Signer): Promise<string> {
  const { name } = parseVkey(signer.vkey)
  const text = `${name}\n${size}\n${root.toString('base64')}\n`
  const lines: string[] = []
  for (const one of next === undefined ? [signer] : [signer, next]) {
    const { id } = parseVkey(one.vkey)
    const signature = Buffer.concat([Buffer.from(id, 'hex'), await one.sign(text)])
    lines.push(`— ${name} ${signature.toString('base64')}\n`)
  }
  return `${text}\n${lines.join('')}`
}

export class KeyInvalid extends Error {
  readonly code = 'KEY_INVALID'
  override name = 'KeyInvalid'
}

import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'

const ITERATIONS = 4096
/** On another thread: a storm of endings makes hundreds. */
const hashPassword = promisify(pbkdf2)

/**
 * What PostgreSQL keeps of a password: `SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>`
 * (RFC 5802, RFC 7677). Computed here, so that the password never enters the target or its log.
 *
 * SASLprep (RFC 4013) leaves printable ASCII as it is; anything else is refused, not half prepared.
 * @throws RangeError on an empty password or one with other characters
 */
export async function scramVerifier(password: string, salt: Buffer = randomBytes(16)): Promise<string> {
  if (!/^[\x20-\x7e]+$/.test(password)) throw new RangeError('a password must be printable ASCII, and not empty')
  const salted = await hashPassword(password, salt, ITERATIONS, 32, 'sha256')
  const clientKey = createHmac('sha256', salted).update('Client Key').digest()
  const storedKey = createHash('sha256').update(clientKey).digest('base64')
  const serverKey = createHmac('sha256', salted).update('Server Key').digest('base64')
  return `SCRAM-SHA-256$${ITERATIONS}:${salt.toString('base64')}$${storedKey}:${serverKey}`
}

/** 192 random bits in characters that need no quoting anywhere. Strong enough that its verifier may be logged. */
export function newPassword(): string {
  return randomBytes(24).toString('base64url')
}

/** A verifier that no password meets: its own is forgotten here. */
export function unusableVerifier(): Promise<string> {
  return scramVerifier(newPassword())
}

import { createPublicKey, hash, type KeyObject, verify } from 'node:crypto'
import { connect } from 'node:net'
import { KeyInvalid, type Signer } from '../record/signer.ts'
import { formatVkey, isKeyName } from '../record/verify.ts'

const KEY_TYPE = 'ssh-ed25519'
const SIGN_REQUEST = 13
const SIGN_RESPONSE = 14
const FAILURE = 5
const PATIENCE_MS = 5_000
/** A signature is 83 bytes. */
const LONGEST_ANSWER = 1_024

/**
 * A signer whose key this process never has: it lies in an SSH agent behind a local socket, which may be of another user,
 * or hold a key of a hardware token, or be forwarded from another machine. The agent protocol is
 * draft-ietf-sshm-ssh-agent, keys and signatures of Ed25519 are RFC 8709: what is signed is the text itself.
 *
 * The public key is given, so that a process starts, and takes access away, while the agent is down.
 * @throws KeyInvalid for a key that is not Ed25519, or an origin that is no name
 */
export function createAgentSigner({ socket, publicKey, origin, patienceMs = PATIENCE_MS }: AgentSignerOptions): Signer {
  if (!isKeyName(origin)) throw new KeyInvalid(`the origin "${origin}" must not be empty or hold white space or a plus`)
  const key = parseKey(publicKey)
  return {
    vkey: formatVkey(origin, key),
    async sign(text) {
      const bytes = Buffer.from(text, 'utf8')
      const flags = Buffer.alloc(4)
      const request = Buffer.concat([Buffer.of(SIGN_REQUEST), string(publicKey), string(bytes), flags])
      const signature = readSignature(await ask(socket, request, patienceMs), socket, publicKey)
      if (verify(null, bytes, key, signature)) return signature
      throw new SignerUnavailable(`the agent at ${socket} answered with a signature that is not of its key`)
    },
  }
}

/** @returns the 64 bytes of RFC 8032 */
function readSignature(answer: Buffer, socket: string, publicKey: Buffer): Buffer {
  if (answer[0] === FAILURE) {
    throw new SignerUnavailable(
      `the agent at ${socket} does not sign with ${fingerprint(publicKey)}: unlock it, or give it the key with ssh-add`,
    )
  }
  try {
    if (answer[0] === SIGN_RESPONSE) {
      const [blob = Buffer.alloc(0)] = strings(answer.subarray(1))
      const [type, signature] = strings(blob)
      if (type?.toString('latin1') === KEY_TYPE && signature?.length === 64) return signature
    }
  } catch {
    // As whatever else is not in form.
  }
  throw new SignerUnavailable(`what answers at ${socket} is no SSH agent that signs with Ed25519`)
}

/** One connection a question: an agent that was started anew is simply there again. */
function ask(path: string, request: Buffer, patienceMs: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) =>
      reject(new SignerUnavailable(`the agent at ${path} ${why}. Start it, or set SIGNER to its socket`))
    const connection = connect({ path })
    const timer = setTimeout(() => {
      fail(`said nothing for ${patienceMs} ms`)
      connection.destroy()
    }, patienceMs)
    let answer = Buffer.alloc(0)
    connection.on('connect', () => connection.write(string(request)))
    connection.on('error', (error: NodeJS.ErrnoException) => fail(`cannot be reached (${error.code})`))
    connection.on('close', () => {
      clearTimeout(timer)
      fail('hung up')
    })
    connection.on('data', (bytes) => {
      answer = Buffer.concat([answer, bytes])
      const length = answer.length < 4 ? 0 : answer.readUInt32BE()
      if (length > LONGEST_ANSWER) {
        fail('is no SSH agent: its answer is too long')
        connection.destroy()
      } else if (answer.length >= 4 + length && length > 0) {
        resolve(answer.subarray(4, 4 + length))
        connection.destroy()
      }
    })
  })
}

function parseKey(blob: Buffer): KeyObject {
  const [type, point, ...rest] = strings(blob)
  if (type?.toString('latin1') !== KEY_TYPE || point?.length !== 32 || rest.length > 0) {
    throw new KeyInvalid('the key of SIGNER is no SSH public key of Ed25519: make one with ssh-keygen -t ed25519')
  }
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: point.toString('base64url') }, format: 'jwk' })
}

/** As `ssh-keygen -l` prints it. */
function fingerprint(blob: Buffer): string {
  return `SHA256:${hash('sha256', blob, 'base64').replace(/=+$/, '')}`
}

/** RFC 4251, section 5: a length, then the bytes. */
function string(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/** @throws KeyInvalid when the bytes are not strings one after the other */
function strings(bytes: Buffer): Buffer[] {
  const found: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.length - at < 4 ? Number.POSITIVE_INFINITY : at + 4 + bytes.readUInt32BE(at)
    if (end > bytes.length)
      throw new KeyInvalid('the key of SIGNER is cut off: copy the whole second word of the .pub file')
    found.push(bytes.subarray(at + 4, end))
    at = end
  }
  return found
}

export interface AgentSignerOptions {
  /** Path of the agent's socket. */
  readonly socket: string
  /** What the second word of a `.pub` file decodes to. */
  readonly publicKey: Buffer
  /** Name of the log, and so of its key. */
  readonly origin: string
  readonly patienceMs?: number
}

/** No checkpoint could be signed. Nothing new is given until one can; endings go on. */
export class SignerUnavailable extends Error {
  readonly code = 'SIGNER_UNAVAILABLE'
  override name = 'SignerUnavailable'
}

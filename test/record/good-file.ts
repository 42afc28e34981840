import { createPrivateKey, hash } from 'node:crypto'
import { parseSigningKey, signCheckpoint } from '../../src/record/signer.ts'
import { type RefusalCode, saltedHash } from '../../src/record/verify.ts'
import { base64, signFile, story, treeOf } from './signed-file.ts'

/** What is wrong, the code with which our verifier must refuse it, and the file with exactly that wrong. */
export type Forgery = readonly [what: string, code: RefusalCode, make: () => Given | Promise<Given>]

export interface Given {
  readonly file: object | string | Buffer
  /** The key that the auditor brings; without it the log's own. */
  readonly vkey?: string
  readonly earlier?: readonly string[]
}

export const ORIGIN = 'test.example/log'
/** Always the same, so that the key's text holds what spellings change: a letter in its id, a slash in its material. */
export const seed = Buffer.alloc(32, 1)
const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), seed])
const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' })
export const signer = parseSigningKey(privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), ORIGIN)

export const SALT = '00112233445566778899aabbccddeeff'
export const REVEAL = { leafIndex: 0, path: 'reason', salt: SALT, value: 'fix ledger' }
export const salted = { salted: saltedHash(SALT, REVEAL.value) }

/** A policy that an event names, with its text. */
export const POLICY = { hash: hash('sha256', 'timeZone: UTC\n', 'hex'), text: 'timeZone: UTC\n' }

/** A file in which nothing is wrong yet: five events of two streams, one of them closed. */
export const good = await signFile(signer, [
  ...story(
    'grant:1',
    { data: { reason: salted, for: 'prod-db' } },
    { data: { policy: POLICY.hash } },
    { type: 'closed', data: { count: 3 } },
  ),
  ...story('grant:2', {}, {}),
])

const KEPT_SIZE = 3
const texts = good.events.map(({ body }) => body)
const tree = treeOf(texts)
export const GOOD_ROOT = tree.root()
export const KEPT_ROOT = treeOf(texts.slice(0, KEPT_SIZE)).root()
/** A checkpoint from when the log was smaller, and the entry that shows how the good file's continues it. */
export const kept = await signCheckpoint(signer, { size: KEPT_SIZE, root: KEPT_ROOT })
export const ENTRY = { size: KEPT_SIZE, proof: base64(tree.consistency(KEPT_SIZE, texts.length)) }

export function bytesOf(file: Given['file']): Buffer {
  if (Buffer.isBuffer(file)) return file
  return Buffer.from(typeof file === 'string' ? file : JSON.stringify(file))
}

import { generateKeyPairSync } from 'node:crypto'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createKeyFile, newMacKey, newSigningKey, parseMacKey } from '../../src/record/key-files.ts'
import { KeyInvalid, parseSigningKey, signCheckpoint } from '../../src/record/signer.ts'
import { openNote, parseCheckpoint, parseVkey } from '../../src/record/verify.ts'

test('a checkpoint that is signed is one that is verified', async () => {
  const signer = parseSigningKey(newSigningKey(), 'test.example/log')
  const note = await signCheckpoint(signer, { size: 7, root: Buffer.alloc(32, 1) })
  const { text, signers } = openNote(note, [parseVkey(signer.vkey)])
  expect(signers).toEqual(['test.example/log'])
  expect(parseCheckpoint(text)).toEqual({ origin: 'test.example/log', size: 7, root: Buffer.alloc(32, 1) })
})

test('what is no signing key is refused without a word of what it holds', () => {
  const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  const secret = 'c2VjcmV0IG9mIG91cnM='
  expect(() => parseSigningKey(String(rsa.export({ format: 'pem', type: 'pkcs8' })), 'a')).toThrow('rsa, not ed25519')
  for (const text of ['', secret, `-----BEGIN PRIVATE KEY-----\n${secret}\n-----END PRIVATE KEY-----\n`]) {
    expect(() => parseSigningKey(text, 'a')).toThrow(KeyInvalid)
    expect(() => parseSigningKey(text, 'a')).not.toThrow(secret)
  }
})

test.each(['', 'two words', 'a+b', 'a\nb'])('an origin that no key can be named by is refused: %j', (origin) => {
  expect(() => parseSigningKey(newSigningKey(), origin)).toThrow(KeyInvalid)
})

test('a MAC key is 32 bytes in hex, and nothing else', () => {
  expect(parseMacKey(newMacKey())).toHaveLength(32)
  for (const text of ['', 'ab'.repeat(31), 'AB'.repeat(32), 'zz'.repeat(32), 'ab'.repeat(33)]) {
    expect(() => parseMacKey(text)).toThrow(KeyInvalid)
  }
})

test('a key file is for its owner alone, and never written over', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'keys-'))
  const path = join(folder, 'mac.key')
  const key = newMacKey()
  await createKeyFile(path, key)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  await expect(createKeyFile(path, newMacKey())).rejects.toMatchObject({ code: 'EEXIST' })
  expect(await readFile(path, 'utf8')).toBe(key)
  await rm(folder, { recursive: true })
})

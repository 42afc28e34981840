import { randomBytes } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { createSealing, parseSecretsKey, SealError } from '../../src/secrets/sealing.ts'

const key = randomBytes(32)
const sealing = createSealing(key)

describe('sealing', () => {
  test('what was sealed opens again, in the same place', () => {
    for (const text of ['', 'fix ledger', 'ü€😀', 'x'.repeat(100_000)]) {
      expect(sealing.open(sealing.seal(text, 'reason:R-1'), 'reason:R-1')).toBe(text)
    }
  })

  test('the same text is sealed differently each time, and is not legible', () => {
    const [one, two] = [sealing.seal('fix ledger', 'a'), sealing.seal('fix ledger', 'a')]
    expect(one.equals(two)).toBe(false)
    expect(one.includes('fix ledger')).toBe(false)
  })

  test('a seal moved to another place does not open', () => {
    expect(() => sealing.open(sealing.seal('fix ledger', 'reason:R-1'), 'reason:R-2')).toThrow(
      expect.objectContaining({ name: 'SealError', code: 'tampered' }),
    )
  })

  test('a seal with any bit changed, cut or lengthened does not open', () => {
    const sealed = sealing.seal('fix ledger', 'a')
    for (let at = 0; at < sealed.length * 8; at++) {
      const changed = Buffer.from(sealed)
      changed.writeUInt8(changed.readUInt8(at >> 3) ^ (1 << (at & 7)), at >> 3)
      expect(() => sealing.open(changed, 'a')).toThrow(SealError)
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => sealing.open(sealed.subarray(0, length), 'a')).toThrow(SealError)
    }
    expect(() => sealing.open(Buffer.concat([sealed, Buffer.of(0)]), 'a')).toThrow(SealError)
  })

  test('after a rotation the older key still opens what it sealed, and seals nothing new', () => {
    const next = randomBytes(32)
    const rotated = createSealing(next, [key])
    const old = sealing.seal('old', 'a')
    expect(rotated.open(old, 'a')).toBe('old')
    expect(createSealing(next).open(rotated.seal('new', 'a'), 'a')).toBe('new')
  })

  test('each way not to open has its code, and none tells the text or the key', () => {
    const code = (run: () => unknown) => {
      try {
        run()
      } catch (error) {
        expect(String(error)).not.toContain(key.toString('hex'))
        return error instanceof SealError && error.code
      }
    }
    const sealed = sealing.seal('fix ledger', 'a')
    expect(code(() => createSealing(randomBytes(32)).open(sealed, 'a'))).toBe('unknown-key')
    expect(code(() => sealing.open(Buffer.of(1, 2, 3), 'a'))).toBe('format')
    expect(code(() => sealing.open(Buffer.concat([Buffer.of(2), sealed.subarray(1)]), 'a'))).toBe('format')
    expect(code(() => createSealing(randomBytes(31)))).toBe('key')
  })
})

describe('a secrets key', () => {
  test('is read from base64, base64url and hex, with a line break after it', () => {
    for (const encoding of ['base64', 'base64url', 'hex'] as const) {
      expect(parseSecretsKey(`${key.toString(encoding)}\n`).equals(key)).toBe(true)
    }
  })

  test('of another form is refused without being repeated', () => {
    for (const text of [
      '',
      'short',
      randomBytes(31).toString('base64'),
      randomBytes(33).toString('hex'),
      `${'a'.repeat(42)}!`,
    ]) {
      expect(() => parseSecretsKey(text)).toThrow(/^a secrets key is 32 bytes in base64 or hex/)
    }
  })
})

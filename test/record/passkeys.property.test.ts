import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type ChallengeInputs, challengeOf } from '../../src/record/verify.ts'
import { createSoftPasskey } from '../support/soft-passkey.ts'
import { signer } from './good-file.ts'
import { fileOf, passkeyStory, SIGNED } from './passkey-file.ts'
import { askBoth, type PythonVerifier, startPythonVerifier } from './python-verifier.ts'

let verifier: PythonVerifier
beforeAll(() => {
  verifier = startPythonVerifier()
})
afterAll(() => verifier.stop())

const text = fc.string({ unit: 'grapheme', maxLength: 12 })
const hex = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex'))
const anyInputs: fc.Arbitrary<ChallengeInputs> = fc.record({
  ...{ nonce: hex, request: text, revision: fc.nat(), entitlement: text, durationMs: fc.nat() },
  ...{ decision: text, policy: hex, approver: text, expiresAt: fc.nat() },
})
const names = [
  'nonce',
  'request',
  'revision',
  'entitlement',
  'durationMs',
  'decision',
  'policy',
  'approver',
  'expiresAt',
]

test('any changed input changes the challenge', () => {
  fc.assert(
    fc.property(anyInputs, anyInputs, fc.constantFrom(...names), (one, two, name) => {
      const member = name as keyof ChallengeInputs
      fc.pre(one[member] !== two[member])
      const changed = { ...one, [member]: two[member] }
      expect(challengeOf(changed).equals(challengeOf(one))).toBe(false)
    }),
    { numRuns: 2_000 },
  )
})

test('what moves from one input to the next changes the challenge', () => {
  fc.assert(
    fc.property(anyInputs, text, fc.constantFrom(...names), fc.constantFrom(...names), (inputs, moved, from, to) => {
      fc.pre(from !== to && moved !== '')
      const [a, b] = [from as keyof ChallengeInputs, to as keyof ChallengeInputs]
      const one = { ...inputs, [a]: `${inputs[a]}${moved}`, [b]: `${inputs[b]}` } as ChallengeInputs
      const two = { ...inputs, [a]: `${inputs[a]}`, [b]: `${moved}${inputs[b]}` } as ChallengeInputs
      expect(challengeOf(one).equals(challengeOf(two))).toBe(false)
    }),
    { numRuns: 2_000 },
  )
})

test('the order in which inputs are written down does not change it', () => {
  fc.assert(
    fc.property(anyInputs, (inputs) => {
      const turned = Object.fromEntries(Object.entries(inputs).reverse()) as unknown as ChallengeInputs
      expect(challengeOf(turned).equals(challengeOf(inputs))).toBe(true)
    }),
  )
})

const members = ['credential', 'authenticatorData', 'clientDataJSON', 'signature'] as const
const edit = fc.record({
  of: fc.constantFrom(...members),
  at: fc.nat(),
  put: fc.uint8Array({ minLength: 0, maxLength: 2 }),
  take: fc.nat({ max: 2 }),
})

test.each(['ES256', 'RS256', 'EdDSA'] as const)(
  'no change of what a passkey of %s made verifies, by either',
  async (algorithm) => {
    const story = passkeyStory(createSoftPasskey(algorithm))
    await fc.assert(
      fc.asyncProperty(edit, async ({ of, at, put, take }) => {
        const changed = structuredClone(story)
        const assertion = changed.grant[SIGNED]?.data.assertion as Record<string, string>
        const before = Buffer.from(assertion[of] ?? '', 'base64')
        const place = at % (before.length + 1)
        const after = Buffer.concat([before.subarray(0, place), put, before.subarray(place + take)])
        fc.pre(!after.equals(before))
        assertion[of] = after.toString('base64')
        const { ours, theirs } = await askBoth(verifier, Buffer.from(JSON.stringify(await fileOf(changed))), {
          ...{ vkey: signer.vkey, earlier: [] },
        })
        expect({ ours, theirs }).toEqual({ ours: 'refused', theirs: 'refused' })
      }),
      { numRuns: 40 },
    )
  },
)

import { assertionOf, BE, BS, UP, UV } from '../support/soft-passkey.ts'
import type { Forgery } from './good-file.ts'
import {
  changedStory,
  EXTENDED,
  fileOf,
  inAssertion,
  inputs,
  key,
  madeWrong,
  other,
  passkeyStory,
  SIGNED,
} from './passkey-file.ts'

type Data = Record<string, unknown>
const code = 'passkey-wrong'
const inChallenge = (change: Data) => inAssertion((assertion) => Object.assign(assertion.challenge as Data, change))
const inKeys = (place: number, change: (data: Data) => void) =>
  changedStory(({ keys }) => change(keys[place]?.data as Data))
const inGrant = (place: number, change: (data: Data) => void) =>
  changedStory(({ grant }) => change(grant[place]?.data as Data))
const flip = (text: unknown, at: number) => {
  const bytes = Buffer.from(String(text), 'base64')
  bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
  return bytes.toString('base64')
}

/** Whoever has every key of the record can write any of these; without the passkey none is a passkey's decision. */
export const forgedPasskeys: readonly Forgery[] = [
  ['no assertion at all', code, inGrant(SIGNED, (data) => delete data.assertion)],
  [
    'an assertion that the decision does not speak of',
    code,
    inGrant(SIGNED, (data) => (data.assurance = 'click-only')),
  ],
  ['an assertion that is null', code, inGrant(SIGNED, (data) => (data.assertion = null))],
  ['a further member', code, inAssertion((assertion) => (assertion.note = 1))],
  ['a member too few', code, inAssertion((assertion) => delete assertion.flags)],
  ['another nonce', code, inChallenge({ nonce: 'a2'.repeat(32) })],
  ['a nonce that is too short', code, inChallenge({ nonce: 'a1' })],
  ['another request', code, inChallenge({ request: 'G-7K3QF3' })],
  ['another revision', code, inChallenge({ revision: 2 })],
  ['a revision after the decision', code, madeWrong({}, { ...inputs, revision: 3 })],
  ['another entitlement', code, inChallenge({ entitlement: 'prod-db:read' })],
  ['an entitlement that was not asked for', code, madeWrong({}, { ...inputs, entitlement: 'prod-db:read' })],
  ['another duration', code, inChallenge({ durationMs: 60_000 })],
  ['a duration that was not asked for', code, madeWrong({}, { ...inputs, durationMs: 60_000 })],
  ['another decision', code, inChallenge({ decision: 'approve-extension' })],
  ['a decision of another kind', code, madeWrong({}, { ...inputs, decision: 'approve-extension' })],
  ['another policy', code, inChallenge({ policy: 'd'.repeat(64) })],
  ['a policy that did not decide', code, madeWrong({}, { ...inputs, policy: 'd'.repeat(64) })],
  ['another approver', code, inChallenge({ approver: 'olga' })],
  ['a decision of somebody else', code, inGrant(SIGNED, (data) => (data.by = 'olga'))],
  ['another expiry', code, inChallenge({ expiresAt: 2_000_000 })],
  ['an expiry before the decision', code, madeWrong({}, { ...inputs, expiresAt: 500_000 })],
  [
    'the assertion of the other decision',
    code,
    changedStory(({ grant }) => {
      const [signed, more] = [grant[SIGNED], grant[EXTENDED]]
      if (signed !== undefined && more !== undefined) signed.data.assertion = more.data.assertion
    }),
  ],
  [
    'one assertion for two signatures',
    code,
    changedStory(({ grant }) => {
      const again = structuredClone(grant[SIGNED])
      if (again !== undefined) grant.splice(SIGNED + 1, grant.length, again)
    }),
  ],
  [
    'an assertion for an earlier extension',
    code,
    changedStory(({ grant }) => {
      grant.splice(EXTENDED, 0, structuredClone(grant[EXTENDED - 1]) as never)
    }),
  ],
  ['a request that asked for something else', code, inGrant(0, (data) => (data.target = 'other-db'))],
  ['a target that is no text', code, inGrant(0, (data) => (data.target = 5))],
  ['the key of somebody else', code, madeWrong({}, inputs, other)],
  [
    'the signature of another key',
    code,
    changedStory(({ grant }) => {
      const forged = assertionOf(other, inputs)
      Object.assign(grant[SIGNED]?.data.assertion as Data, { signature: forged.signature })
    }),
  ],
  ['a signature with one bit changed', code, inAssertion((one) => (one.signature = flip(one.signature, 20)))],
  [
    'a signature with a byte too many',
    code,
    inAssertion((one) => {
      one.signature = Buffer.concat([Buffer.from(String(one.signature), 'base64'), Buffer.of(0)]).toString('base64')
    }),
  ],
  ['an empty signature', code, inAssertion((one) => (one.signature = ''))],
  [
    'authenticator data with one bit changed',
    code,
    inAssertion((one) => (one.authenticatorData = flip(one.authenticatorData, 36))),
  ],
  [
    'authenticator data that is cut',
    code,
    inAssertion((one) => (one.authenticatorData = String(one.authenticatorData).slice(0, 48))),
  ],
  [
    'client data with a space more',
    code,
    inAssertion((one) => {
      const text = Buffer.from(String(one.clientDataJSON), 'base64').toString()
      one.clientDataJSON = Buffer.from(text.replace(',', ', ')).toString('base64')
    }),
  ],
  [
    'client data with a name twice',
    code,
    changedStory(({ grant }) => {
      const doubled = assertionOf({ ...key, sign: key.sign }, inputs)
      const text = Buffer.from(doubled.clientDataJSON, 'base64').toString()
      doubled.clientDataJSON = Buffer.from(text.replace('{', '{"type":"webauthn.create",')).toString('base64')
      Object.assign(grant[SIGNED]?.data as Data, { assertion: doubled })
    }),
  ],
  ['another ceremony', code, madeWrong({ type: 'webauthn.create' })],
  ['a page of another', code, madeWrong({ client: { origin: 'http://localhost:4000' } })],
  ['a page inside a page of another', code, madeWrong({ client: { crossOrigin: true } })],
  ['another relying party', code, madeWrong({ rpId: 'evil.example', origin: 'https://evil.example' })],
  ['a page outside of its relying party', code, madeWrong({ origin: 'https://evil.example' })],
  [
    'a page without https',
    code,
    changedStory((story) => {
      const rpId = 'access.example.com'
      Object.assign(story, passkeyStory(key, { rpId, origin: `http://${rpId}` }))
      Object.assign(story.keys[1]?.data.passkey as Data, { rpId })
    }),
  ],
  ['no user verification', code, madeWrong({ bits: UP })],
  ['nobody present', code, madeWrong({ bits: UV })],
  ['a backup of what cannot be backed up', code, madeWrong({ bits: UP | UV | BS })],
  ['a key that changed its kind', code, madeWrong({ bits: UP | UV | BE })],
  [
    'flags that are not those of the authenticator',
    code,
    inAssertion((one) => Object.assign(one.flags as Data, { bs: true })),
  ],
  ['a key that was never enrolled', code, changedStory(({ keys }) => void keys.pop())],
  ['a key that was enrolled afterwards', code, async () => ({ file: await fileOf(passkeyStory(), 'keys last') })],
  [
    'a key that was taken back before',
    code,
    changedStory(({ keys }) => {
      keys.push({ type: 'passkey.revoked', at: 500_000, data: { by: 'marcus', passkeys: [key.credential] } })
    }),
  ],
  [
    'another key than was enrolled',
    code,
    inKeys(1, (data) => Object.assign(data.passkey as Data, { publicKey: other.publicKey })),
  ],
  [
    'a key that was enrolled for another host',
    code,
    inKeys(1, (data) => Object.assign(data.passkey as Data, { rpId: 'x' })),
  ],
  ['a key that its owner enrolled alone', code, inKeys(1, (data) => (data.by = 'marcus'))],
  ['a key that nobody enrolled', code, inKeys(1, (data) => delete data.by)],
  ['an enrolment without a passkey', code, inKeys(1, (data) => delete data.passkey)],
  [
    'a key with a private part',
    code,
    changedStory(({ grant, keys }) => {
      const publicKey = { ...key.publicKey, d: 'AA' }
      Object.assign(grant[SIGNED]?.data.assertion as Data, { publicKey })
      Object.assign(keys[1]?.data.passkey as Data, { publicKey })
    }),
  ],
  [
    'a point that is not on the curve',
    code,
    changedStory(({ grant, keys }) => {
      const publicKey = { ...key.publicKey, y: key.publicKey.x }
      Object.assign(grant[SIGNED]?.data.assertion as Data, { publicKey })
      Object.assign(keys[1]?.data.passkey as Data, { publicKey })
    }),
  ],
]

import type { ChallengeInputs } from '../../src/record/verify.ts'
import { assertionOf, createSoftPasskey, type SoftPasskey, type Wrong } from '../support/soft-passkey.ts'
import type { Given } from './good-file.ts'
import { signer } from './good-file.ts'
import { signFile, story } from './signed-file.ts'

const MINUTE = 60_000
const POLICY = 'c'.repeat(64)
export const key = createSoftPasskey()
export const other = createSoftPasskey()

export const inputs: ChallengeInputs = {
  ...{ nonce: 'a1'.repeat(32), request: 'G-7K3QF2', revision: 1, entitlement: 'prod-db:write' },
  ...{ durationMs: 30 * MINUTE, decision: 'approve', policy: POLICY, approver: 'marcus', expiresAt: 1_000_000 },
}
const moreInputs: ChallengeInputs = {
  ...{ ...inputs, nonce: 'b2'.repeat(32), revision: 5, durationMs: 10 * MINUTE, decision: 'approve-extension' },
}

type Data = Record<string, unknown>
type Change = (data: Data) => void
export interface Event {
  type: string
  at: number
  data: Data
}

/** A request that one passkey approved, more time for it that it approved too, and the passkey's enrolment before. */
export interface PasskeyStory {
  keys: Event[]
  grant: Event[]
}

export function passkeyStory(passkey: SoftPasskey = key, wrong: Wrong = {}): PasskeyStory {
  const flags = { be: false, bs: false }
  const enrolled = { credential: passkey.credential, publicKey: passkey.publicKey, rpId: 'localhost', flags }
  const decided = { by: 'marcus', as: ['manager'], policy: POLICY, assurance: 'passkey' }
  const at = 500_000
  return {
    keys: [
      { type: 'passkey.offered', at, data: { by: 'marcus', passkey: enrolled } },
      { type: 'passkey.enrolled', at, data: { by: 'carla', passkey: enrolled } },
    ],
    grant: [
      {
        ...{ type: 'request.asked', at },
        data: { by: 'ana', target: 'prod-db', entitlement: 'write', durationMs: inputs.durationMs },
      },
      { type: 'passkey.challenged', at, data: { by: 'marcus' } },
      { type: 'request.signed', at, data: { ...decided, assertion: assertionOf(passkey, inputs, wrong) } },
      { type: 'request.approved', at, data: { by: ['marcus'] } },
      { type: 'extension.asked', at, data: { by: 'ana', durationMs: moreInputs.durationMs } },
      { type: 'extension.signed', at, data: { ...decided, assertion: assertionOf(passkey, moreInputs, wrong) } },
    ],
  }
}

/** A log that holds this story: everything of the record is right, as who has all its keys would make it. */
export async function fileOf({ keys, grant }: PasskeyStory, order: 'keys first' | 'keys last' = 'keys first') {
  const own = story('grant:G-7K3QF2', ...grant)
  const enrolment = story('passkey:marcus', ...keys)
  return signFile(signer, order === 'keys first' ? [...enrolment, ...own] : [...own, ...enrolment])
}

/** The story, wrong in one thing. */
export function changedStory(change: (story: PasskeyStory) => void): () => Promise<Given> {
  return async () => {
    const changed = structuredClone(passkeyStory())
    change(changed)
    return { file: await fileOf(changed) }
  }
}

export const SIGNED = 2
export const EXTENDED = 5

/** Changes the first decision's assertion. */
export function inAssertion(change: Change): () => Promise<Given> {
  return changedStory(({ grant }) => change(grant[SIGNED]?.data.assertion as Data))
}

/** The first decision with an assertion that was made wrong, and is signed all the same. */
export function madeWrong(wrong: Wrong, about: ChallengeInputs = inputs, by: SoftPasskey = key): () => Promise<Given> {
  return changedStory(({ grant }) => {
    const signed = grant[SIGNED]
    if (signed !== undefined) signed.data.assertion = assertionOf(by, about, wrong)
  })
}

import { describe, expect, it, test } from 'vitest'
import { assuranceInWords } from '../../src/domain/assurance.ts'
import { concludeGrant } from '../../src/domain/conclude-grant.ts'
import {
  confirmersOf,
  decideEnrolment,
  decideNoEnrolment,
  decideOffer,
  decideReset,
} from '../../src/domain/decide-passkey.ts'
import { HOUR } from '../../src/domain/duration.ts'
import { type GrantEvent, grantStream, type Placed } from '../../src/domain/grant-event.ts'
import type { Passkey, PasskeyEvent } from '../../src/domain/passkey-event.ts'
import { foldPasskeys, passkeysInUse } from '../../src/domain/passkey-state.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { approved, asked, ID, signed } from '../cards/grant-story.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

const NOW = 1_800_000_000_000
const policy = testPolicy()
const everybody = new Set(policy.people.map(({ id }) => id))
const marcus = { id: 'marcus', manager: 'olga' }
const confirmers = confirmersOf(marcus, policy, everybody)
const passkey: Passkey = {
  ...{ credential: 'AAAA', publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'x' }, rpId: 'localhost', aaguid: '' },
  ...{ flags: { be: false, bs: false }, transports: [] },
}
const act = (by: string, now = NOW) => ({ by, confirmers, policy, now })
const place = (events: readonly PasskeyEvent[]) =>
  events.map((event, index): Placed<PasskeyEvent> => ({ ...event, seq: index + 1, at: NOW }))
const fold = (...events: PasskeyEvent[]) => foldPasskeys('marcus', place(events))
const factsOf = (decided: ReturnType<typeof decideOffer>): PasskeyEvent[] => {
  if ('refused' in decided) throw new Error(decided.refused.code)
  return decided
}
const none = fold()
const offered = factsOf(decideOffer(none, act('marcus'), passkey))
const enrolled = [...offered, ...factsOf(decideEnrolment(fold(...offered), act('carla'), 1))]

describe('the second person', () => {
  it('is the manager or compliance, active, and never the owner', () => {
    expect(confirmers).toEqual([
      { id: 'carla', as: ['compliance'] },
      { id: 'olga', as: ['manager'] },
    ])
    expect(confirmersOf({ id: 'carla', manager: 'carla' }, policy, everybody)).toEqual([])
    expect(confirmersOf(marcus, policy, new Set(['olga']))).toEqual([{ id: 'olga', as: ['manager'] }])
    const alone = { ...act('marcus'), confirmers: [] }
    expect(decideOffer(none, alone, passkey)).toEqual({ refused: { code: 'second-person-needed', may: [] } })
  })

  it.each([
    ['the owner', 'marcus', 1, NOW, 'own-passkey'],
    ['anybody else', 'ana', 1, NOW, 'may-not-confirm-passkey'],
    ['whoever pressed on an older card', 'carla', 7, NOW, 'no-passkey-offer'],
    ['whoever comes too late', 'carla', 1, NOW + policy.pendingForMs, 'no-passkey-offer'],
  ])('is not %s', (_, by, seq, now, code) => {
    const state = fold(...offered)
    expect(decideEnrolment(state, act(by, now), seq)).toMatchObject({ refused: { code } })
    if (by !== 'marcus') expect(decideNoEnrolment(state, act(by, now), seq)).toMatchObject({ refused: { code } })
  })

  it('is needed for every passkey, the first and each one after, and after a reset', () => {
    const state = fold(...enrolled)
    expect(passkeysInUse(state).map(({ credential }) => credential)).toEqual(['AAAA'])
    const second = factsOf(decideOffer(state, act('marcus'), { ...passkey, credential: 'BBBB' }))
    expect(passkeysInUse(fold(...enrolled, ...second))).toHaveLength(1)
    const reset = factsOf(decideReset(fold(...enrolled, ...second), act('olga')))
    const gone = fold(...enrolled, ...second, ...reset)
    expect(passkeysInUse(gone)).toEqual([])
    expect(gone.offer).toBeNull()
    expect(decideOffer(gone, act('marcus'), passkey)).toMatchObject({ refused: { why: 'known' } })
  })

  it('may say no, and the owner may take the offer back', () => {
    for (const by of ['carla', 'marcus']) {
      const declined = factsOf(decideNoEnrolment(fold(...offered), act(by), 1))
      expect(fold(...offered, ...declined)).toMatchObject({ offer: null, passkeys: [] })
    }
  })

  it('may reset, and nobody else but the owner', () => {
    expect(decideReset(fold(...enrolled), act('ana'))).toMatchObject({ refused: { code: 'may-not-confirm-passkey' } })
    expect(decideReset(none, act('marcus'))).toMatchObject({ refused: { code: 'no-passkey' } })
  })
})

it('leaves a stream with an event of a newer version to those that know it', () => {
  const newer = { type: 'passkey.attested', data: {} } as unknown as PasskeyEvent
  expect(() => fold(...enrolled, newer)).toThrow('passkey.attested, which this version does not know')
})

test.each([
  ['click-only', null, 'click only, AAL not claimed'],
  ['passkey', [true, true, true], 'synced passkey, person verified, AAL2; AAL3 not claimed without attestation'],
  ['passkey', [true, true, false], /^passkey that may be synced, .*AAL2/],
  ['passkey', [true, false, false], /^passkey of one device, by its own word, .*AAL2/],
  ['passkey', [false, false, false], 'passkey without user verification, AAL not claimed'],
  ['retina', null, 'retina, AAL not claimed'],
] as const)('%s with %j claims no more than it may', (assurance, bits, words) => {
  const [uv = false, be = false, bs = false] = bits ?? []
  const assertion = bits === null ? undefined : { flags: { up: true, uv, be, bs } }
  expect(assuranceInWords(assurance, assertion)).toMatch(words)
})

describe('the conclusion', () => {
  const factOf = (events: readonly GrantEvent[]) =>
    events.map(({ type, data }, index) => ({
      ...{ stream: grantStream(ID), seq: index + 1, type, leafIndex: index, at: NOW, data: { ...data }, texts: {} },
    }))
  const lineOf = (events: readonly GrantEvent[], known: ReadonlyMap<string, Policy> = new Map()) =>
    concludeGrant(factOf(events), known)?.line
  const by = (assurance: 'click-only' | 'passkey') => ({ ...signed, data: { ...signed.data, assurance } }) as GrantEvent
  const approval = (stepUp?: 'passkey' | 'none'): GrantEvent => ({
    type: 'request.approved',
    data: { by: ['marcus'], policy: 'p', usableUntil: NOW + HOUR, ...(stepUp !== undefined && { stepUp }) },
  })

  it('of an approval that needed a passkey and counts a click: not authorised', () => {
    expect(lineOf([asked, by('click-only'), approval('passkey')])).toBe('NOT authorised, not given yet')
    expect(lineOf([asked, by('passkey'), approval('passkey')])).toBe('authorised, not given yet')
  })

  it('of an approval from before there were passkeys, as before', () => {
    expect(lineOf([asked, ...approved])).toBe('authorised, not given yet')
    expect(lineOf([asked, by('click-only'), approval()])).toBe('authorised, not given yet')
  })

  it('of a click where the text of the policy says passkey itself: not authorised, whatever the approval says', () => {
    const rules = (stepUpStated: boolean) => {
      const read = testEntitlement({ stepUp: 'passkey', stepUpStated })
      return new Map([
        ['p', testPolicy({ targets: { 'prod-db': testTarget({ entitlements: { read, write: read } }) } })],
      ])
    }
    expect(lineOf([asked, by('click-only'), approval('none')], rules(true))).toBe('NOT authorised, not given yet')
    expect(lineOf([asked, by('click-only'), approval()], rules(false))).toBe('authorised, not given yet')
  })
})

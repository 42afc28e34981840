import { describe, expect, it } from 'vitest'
import type { Roster } from '../../src/domain/approvers.ts'
import { decideAsk } from '../../src/domain/decide-ask.ts'
import { decideCancel, decideDue, decideEnd, nextDue } from '../../src/domain/decide-ending.ts'
import { decideExtensionApproval, decideExtensionAsk, mayExtend } from '../../src/domain/decide-extension.ts'
import { decideReconsider } from '../../src/domain/decide-reconsider.ts'
import { decideApproval, decideDenial, type Signing } from '../../src/domain/decide-signature.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { readGrantId } from '../../src/domain/grant-event.ts'
import { evolve, type GrantState } from '../../src/domain/grant-state.ts'
import { mayProvision } from '../../src/domain/may-provision.ts'
import type { Refused } from '../../src/domain/refusal.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

const NOW = 1_800_000_000_000
const policy = testPolicy()

const roster = (overrides: Partial<Roster> = {}): Roster => ({
  manager: 'marcus',
  owners: ['olga'],
  groups: { dba: ['dirk', 'olga'] },
  active: new Set(['ana', 'bo', 'marcus', 'olga', 'dirk', 'carla']),
  ...overrides,
})

const ask = (overrides: Partial<Parameters<typeof decideAsk>[0]> = {}) => ({
  ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', durationMs: HOUR, reason: 'fix the ledger' },
  ...overrides,
})

const sign = (by: string, overrides: Partial<Signing> = {}): Signing => ({
  ...{ by, assurance: 'click-only', roster: roster(), policy, now: NOW + MINUTE },
  ...overrides,
})

function fold(before: GrantState | null, result: GrantEvent[] | Refused, at = NOW): GrantState {
  if ('refused' in result) throw new Error(`refused: ${JSON.stringify(result.refused)}`)
  let state = before
  for (const event of result) state = evolve('G-7K3QF0', state, { ...event, seq: (state?.seq ?? 0) + 1, at })
  if (state === null) throw new Error('nothing happened')
  return state
}

const codeOf = (result: GrantEvent[] | Refused) => ('refused' in result ? result.refused.code : 'accepted')
const pendingWrite = (who = roster()) =>
  fold(null, decideAsk(ask({ entitlement: 'write', reason: 'fix INC-42' }), who, policy, NOW))

describe('asking', () => {
  it('takes the default entitlement of a bare target', () => {
    expect(fold(null, decideAsk(ask({ entitlement: null }), roster(), policy, NOW)).entitlement).toBe('read')
  })

  it.each([
    [ask({ target: 'prod-bd' }), 'unknown-target'],
    [ask({ target: 'constructor' }), 'unknown-target'],
    [ask({ target: '__proto__' }), 'unknown-target'],
    [ask({ entitlement: 'root' }), 'unknown-entitlement'],
    [ask({ durationMs: 9 * HOUR }), 'too-long'],
    [ask({ reason: '  x ' }), 'reason-too-short'],
    [ask({ reason: 'x'.repeat(501) }), 'reason-too-long'],
    [ask({ entitlement: 'write', reason: 'because I can' }), 'reason-pattern'],
  ])('refuses %j as %s', (words, code) => {
    expect(codeOf(decideAsk(words, roster(), policy, NOW))).toBe(code)
  })

  it('refuses a bare target that has no default', () => {
    const bare = testPolicy({ targets: { 'prod-db': testTarget({ defaultEntitlement: null }) } })
    expect(codeOf(decideAsk(ask({ entitlement: null }), roster(), bare, NOW))).toBe('no-default-entitlement')
  })

  it('refuses whom the policy does not let ask', () => {
    const closed = testPolicy({
      targets: { 'prod-db': testTarget({ entitlements: { read: testEntitlement({ requesters: ['bo'] }) } }) },
    })
    expect(codeOf(decideAsk(ask(), roster(), closed, NOW))).toBe('not-a-requester')
  })

  it('holds and escalates when nobody may approve, instead of skipping the step', () => {
    const facts = decideAsk(ask(), roster({ manager: null, owners: [] }), policy, NOW)
    expect(facts).toMatchObject([
      { type: 'request.asked', data: { approvers: [] } },
      { type: 'request.held', data: { missing: 1, escalatedTo: ['carla'] } },
    ])
  })

  it('holds when two signatures are needed and only one person could give them', () => {
    const alone = roster({ manager: 'olga', groups: {} })
    const state = pendingWrite(alone)
    expect(state.missing).toBe(1)
  })
})

describe('signing', () => {
  it('approves with the last signature that the rules need, by distinct persons', () => {
    const once = fold(pendingWrite(), decideApproval(pendingWrite(), sign('marcus')))
    expect(once.status).toBe('pending')
    const twice = fold(once, decideApproval(once, sign('dirk')))
    expect(twice).toMatchObject({ status: 'planned', approval: { by: ['marcus', 'dirk'] } })
  })

  it('refuses the asker, even as owner and manager at once', () => {
    const own = roster({ manager: 'ana', owners: ['ana', 'olga'], groups: { dba: ['ana'] } })
    const state = fold(null, decideAsk(ask(), own, policy, NOW))
    expect(state.approvers.map((approver) => approver.id)).toEqual(['olga'])
    expect(codeOf(decideApproval(state, sign('ana', { roster: own })))).toBe('own-request')
  })

  it('refuses a second signature of one person', () => {
    const once = fold(pendingWrite(), decideApproval(pendingWrite(), sign('marcus')))
    expect(codeOf(decideApproval(once, sign('marcus')))).toBe('already-signed')
  })

  it('refuses who is not an approver, who has left, and says who can', () => {
    const state = pendingWrite()
    expect(decideApproval(state, sign('bo'))).toEqual({
      refused: { code: 'not-an-approver', approvers: ['dirk', 'marcus', 'olga'] },
    })
    const gone = roster({ active: new Set(['ana', 'olga', 'dirk']) })
    expect(codeOf(decideApproval(state, sign('marcus', { roster: gone })))).toBe('not-an-approver')
  })

  it('tells a late click who decided and when', () => {
    const denied = fold(pendingWrite(), decideDenial(pendingWrite(), sign('marcus'), 'not now'), NOW + 5)
    expect(decideApproval(denied, sign('olga'))).toEqual({
      refused: { code: 'already-decided', outcome: 'denied', by: ['marcus'], at: NOW + 5 },
    })
  })

  it('refuses a signature at the very moment at which the request expires', () => {
    const state = pendingWrite()
    expect(codeOf(decideApproval(state, sign('marcus', { now: state.pendingUntil })))).toBe('already-decided')
    expect(codeOf(decideApproval(state, sign('marcus', { now: state.pendingUntil - 1 })))).toBe('accepted')
  })

  it('no longer counts an earlier signer whom the roster of now does not have', () => {
    const once = fold(pendingWrite(), decideApproval(pendingWrite(), sign('marcus')))
    const moved = roster({ manager: 'bo' })
    expect(fold(once, decideApproval(once, sign('dirk', { roster: moved }))).status).toBe('pending')
  })

  it('asks for words with a denial where the policy does', () => {
    expect(codeOf(decideDenial(pendingWrite(), sign('marcus'), '  '))).toBe('deny-reason-required')
  })
})

describe('the last question before the target is touched', () => {
  const planned = () => {
    const once = fold(pendingWrite(), decideApproval(pendingWrite(), sign('marcus')))
    return fold(once, decideApproval(once, sign('dirk')))
  }
  const asked = (state: GrantState, who = roster(), rules = policy, now = NOW + MINUTE) =>
    mayProvision(state, who, rules, null, now)

  it('says yes to enough signatures under the policy of now', () => {
    expect(asked(planned()).may).toBe(true)
  })

  it.each([
    ['a request that nobody approved', () => asked(pendingWrite()), 'not-approved'],
    ['an approval that lay about too long', () => asked(planned(), roster(), policy, NOW + 9 * HOUR), 'approval-stale'],
    [
      'a signer who has left',
      () => asked(planned(), roster({ active: new Set(['ana', 'olga', 'dirk']) })),
      'signatures-no-longer-enough',
    ],
    [
      'a holder who has left',
      () => asked(planned(), roster({ active: new Set(['marcus', 'olga', 'dirk']) })),
      'holder-left',
    ],
    [
      'a target that the policy dropped',
      () => asked(planned(), roster(), testPolicy({ targets: {} })),
      'policy-changed',
    ],
    [
      'an entitlement that now means another role',
      () => {
        const entitlements = { write: testEntitlement({ grants: 'superuser' }) }
        return asked(planned(), roster(), testPolicy({ targets: { 'prod-db': testTarget({ entitlements }) } }))
      },
      'policy-changed',
    ],
  ])('says no to %s', (_, result, code) => {
    expect(result()).toMatchObject({ may: false, code })
  })
})

describe('ending', () => {
  const active = () => {
    const state = fold(null, decideAsk(ask(), roster(), policy, NOW))
    const planned = fold(state, decideApproval(state, sign('marcus')))
    const access = { account: 'jit_x', nativeExpiry: NOW + HOUR + 2 * MINUTE }
    return fold(planned, [
      { type: 'grant.providing', data: { ...access, endsBy: NOW + 2 * HOUR, checkpointSize: 3, policy: policy.hash } },
      {
        type: 'grant.active',
        data: { ...access, activatedAt: NOW, endsAt: NOW + HOUR, warnAt: NOW + HOUR - 6 * MINUTE, checks: [] },
      },
    ])
  }

  it('warns before the end, then ends at the very millisecond', () => {
    const state = active()
    expect(nextDue(state)).toBe(NOW + HOUR - 6 * MINUTE)
    expect(decideDue(state, NOW + HOUR - 6 * MINUTE - 1)).toEqual([])
    const warned = fold(state, decideDue(state, NOW + HOUR - 6 * MINUTE))
    expect(nextDue(warned)).toBe(NOW + HOUR)
    expect(decideDue(warned, NOW + HOUR - 1)).toEqual([])
    expect(decideDue(warned, NOW + HOUR)).toMatchObject([{ type: 'grant.ending', data: { due: NOW + HOUR } }])
  })

  it('skips the warning when the end has already come', () => {
    expect(decideDue(active(), NOW + 3 * HOUR)).toMatchObject([{ type: 'grant.ending' }])
  })

  it('lets the holder, the approvers, the owners and compliance end it, and nobody else', () => {
    for (const by of ['ana', 'marcus', 'olga', 'carla']) {
      expect(codeOf(decideEnd(active(), by, policy, NOW))).toBe('accepted')
    }
    expect(codeOf(decideEnd(active(), 'bo', policy, NOW))).toBe('may-not-end')
    expect(codeOf(decideCancel(active(), 'ana'))).toBe('too-late-to-cancel')
  })

  it('refuses an extension past what the policy allows in all, and says what is left', () => {
    const words = { by: 'ana', reason: '', roster: roster(), policy, now: NOW + MINUTE }
    expect(decideExtensionAsk(active(), { ...words, durationMs: 12 * HOUR })).toEqual({
      refused: { code: 'extension-too-long', latest: NOW + 12 * HOUR, leftMs: 11 * HOUR },
    })
    expect(codeOf(decideExtensionAsk(active(), { ...words, durationMs: 11 * HOUR }))).toBe('accepted')
    expect(codeOf(decideExtensionAsk(active(), { ...words, durationMs: HOUR, now: NOW + HOUR }))).toBe('not-active')
  })
})

describe('ids', () => {
  it('reads an id as people type it, and nothing else', () => {
    expect(readGrantId(' g-7k3qfo ')).toBe('G-7K3QF0')
    expect(readGrantId('7K3QFL')).toBe('G-7K3QF1')
    for (const bad of ['', 'G-7K3QF', 'G-7K3QFUU', "G-7K3QF'", 'G-7K3QFU']) expect(readGrantId(bad)).toBeNull()
  })
})

describe('a policy or a directory that changes under a pending request', () => {
  const held = () => fold(null, decideAsk(ask(), roster({ manager: null, owners: [] }), policy, NOW))

  it('lets a held request move once somebody may approve it', () => {
    const facts = decideReconsider(held(), roster(), policy, null, NOW)
    expect(facts).toMatchObject([{ type: 'request.approvers-changed', data: { missing: 0 } }])
    expect(fold(held(), facts)).toMatchObject({ missing: 0, approvers: [{ id: 'marcus' }, { id: 'olga' }] })
  })

  it('holds and escalates a request whose last approver has left', () => {
    const state = fold(null, decideAsk(ask(), roster({ owners: [] }), policy, NOW))
    const facts = decideReconsider(state, roster({ owners: [], active: new Set(['ana']) }), policy, null, NOW)
    expect(facts.map((fact) => fact.type)).toEqual(['request.approvers-changed', 'request.held'])
  })

  const needing = (need: number) =>
    testPolicy({
      hash: 'b'.repeat(64),
      targets: {
        'prod-db': testTarget({
          entitlements: {
            read: testEntitlement({ approvals: [{ need, from: [{ kind: 'manager' }, { kind: 'owners' }] }] }),
          },
        }),
      },
    })

  it('says how many must sign now, also when they are the same persons', () => {
    const state = fold(null, decideAsk(ask(), roster(), policy, NOW))
    expect(state.rules).toEqual(['1 of manager, owners'])
    expect(fold(state, decideReconsider(state, roster(), needing(2), null, NOW)).rules).toEqual([
      '2 of manager, owners',
    ])
  })

  it('approves when fewer are needed and those who signed suffice: nobody is left to press the button', () => {
    const asked = fold(null, decideAsk(ask(), roster(), needing(2), NOW))
    const state = fold(asked, decideApproval(asked, sign('marcus', { policy: needing(2) })))
    expect(state.status).toBe('pending')
    const facts = decideReconsider(state, roster(), needing(1), null, NOW + MINUTE)
    expect(facts.map((fact) => fact.type)).toEqual(['request.approvers-changed', 'request.approved'])
    expect(fold(state, facts)).toMatchObject({ status: 'planned', approval: { by: ['marcus'] } })
    const pressed = decideApproval(state, sign('marcus', { policy: needing(1) }))
    expect(fold(state, pressed)).toMatchObject({ status: 'planned', signatures: [{ by: 'marcus' }] })
    const late = { ...state, pendingUntil: NOW + MINUTE }
    expect(decideReconsider(late, roster(), needing(1), null, NOW + MINUTE)).toEqual([])
    const tooLong = { ...state, durationMs: 9 * HOUR }
    expect(decideReconsider(tooLong, roster(), needing(1), null, NOW).map((fact) => fact.type)).not.toContain(
      'request.approved',
    )
  })

  it('names under an approval only those whose signatures count', () => {
    const asked = fold(null, decideAsk(ask(), roster(), needing(2), NOW))
    const state = fold(asked, decideApproval(asked, sign('marcus', { policy: needing(2) })))
    const moved = sign('olga', { policy: needing(1), roster: roster({ manager: 'bo' }) })
    expect(fold(state, decideApproval(state, moved)).approval).toMatchObject({ by: ['olga'] })
  })

  it('says nothing when nothing changed, or when the request is decided', () => {
    expect(decideReconsider(pendingWrite(), roster(), policy, null, NOW)).toEqual([])
    const denied = fold(pendingWrite(), decideDenial(pendingWrite(), sign('marcus'), 'no'))
    expect(decideReconsider(denied, roster({ manager: null }), policy, null, NOW)).toEqual([])
  })
})

describe('an extension', () => {
  const active = () => {
    const asked = fold(null, decideAsk(ask(), roster(), policy, NOW))
    const planned = fold(asked, decideApproval(asked, sign('marcus')))
    const access = { account: 'jit_x', nativeExpiry: NOW + HOUR + 2 * MINUTE }
    return fold(planned, [
      { type: 'grant.providing', data: { ...access, endsBy: NOW + 2 * HOUR, checkpointSize: 3, policy: policy.hash } },
      { type: 'grant.active', data: { ...access, activatedAt: NOW, endsAt: NOW + HOUR, warnAt: NOW, checks: [] } },
    ])
  }
  const words = { by: 'ana', reason: '', durationMs: HOUR, policy, now: NOW + MINUTE }
  const approved = () => {
    const asked = fold(active(), decideExtensionAsk(active(), { ...words, roster: roster() }))
    return fold(asked, decideExtensionApproval(asked, sign('marcus')))
  }

  it('is raised while its signatures stand, and not for a holder who has left or a signer who no longer counts', () => {
    const may = (who = roster()) => mayExtend(approved(), who, policy, null, NOW + MINUTE)
    expect(may()).toMatchObject({ may: true, extension: { until: NOW + 2 * HOUR } })
    expect(may(roster({ active: new Set(['marcus', 'olga']) }))).toMatchObject({ may: false, code: 'holder-left' })
    expect(may(roster({ manager: 'bo' }))).toMatchObject({ may: false, code: 'signatures-no-longer-enough' })
  })

  it('is refused at once when nobody could sign it, and says who can mend that', () => {
    const nobody = roster({ manager: null, owners: [] })
    expect(decideExtensionAsk(active(), { ...words, roster: nobody })).toEqual({
      refused: { code: 'nobody-may-approve', missing: 1, tell: ['carla'] },
    })
  })

  it('that was signed and could not be carried out before the old end is said to have failed', () => {
    const facts = decideDue(approved(), NOW + HOUR)
    expect(facts.map((fact) => fact.type)).toEqual(['extension.failed', 'grant.ending'])
  })
})

describe('a fact that only a newer version knows', () => {
  it('stops this version from going on with the grant', () => {
    const unknown = { type: 'grant.suspended', data: {}, seq: 2, at: NOW } as unknown as Parameters<typeof evolve>[2]
    expect(() => evolve('G-7K3QF0', pendingWrite(), unknown)).toThrow('grant.suspended')
  })
})

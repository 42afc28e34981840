import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Roster } from '../../src/domain/approvers.ts'
import { decideAsk } from '../../src/domain/decide-ask.ts'
import { decideExtensionApproval, decideExtensionAsk, mayExtend } from '../../src/domain/decide-extension.ts'
import { decideFreeze, decideLift, type FreezeDecision, underFreeze } from '../../src/domain/decide-freeze.ts'
import { decideConfirmation, decideDecline, decideOrdered, decideProposal } from '../../src/domain/decide-order.ts'
import { decideReconsider } from '../../src/domain/decide-reconsider.ts'
import { decideApproval } from '../../src/domain/decide-signature.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import { EVERYWHERE } from '../../src/domain/freeze-event.ts'
import { evolveFreeze, type Freeze, type FreezeState, foldFreeze } from '../../src/domain/freeze-state.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { evolve, type GrantState } from '../../src/domain/grant-state.ts'
import { mayProvision } from '../../src/domain/may-provision.ts'
import type { OrderEvent } from '../../src/domain/order-event.ts'
import { evolveOrder, type OrderState } from '../../src/domain/order-state.ts'
import type { Refused } from '../../src/domain/refusal.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

/*
 * A world of five persons who ask, sign, freeze, lift, extend, and order everything away, in any order. Two
 * questions that know nothing of the decisions' code: was anything given, or given longer, while a freeze that
 * two have not lifted was in force; and did an order ever end anything with fewer than two persons, or with the
 * one whom it is about?
 */
const PEOPLE = ['ana', 'marcus', 'olga', 'dirk', 'carla'] as const
const ACTS = [
  'ask',
  'approve',
  'approve',
  'provide',
  'provide',
  'extend',
  'approve-extension',
  'raise-expiry',
  'reconsider',
] as const
/** Often what moves a grant on, so that freezes find it in every state. */
const COMMANDS = [
  ...ACTS,
  ...(['approve', 'approve', 'provide', 'extend', 'extend', 'approve-extension', 'approve-extension'] as const),
  ...(['freeze', 'freeze-all', 'lift', 'lift', 'lift', 'lift-all', 'lift-all', 'lift-all'] as const),
  ...(['propose', 'confirm', 'decline', 'order', 'wait'] as const),
] as const
const policy = testPolicy({
  mayFreeze: ['dirk'],
  targets: { 'prod-db': testTarget({ entitlements: { read: testEntitlement() } }) },
})
const roster: Roster = { manager: 'marcus', owners: ['olga'], groups: {}, active: new Set(PEOPLE) }

interface World {
  now: number
  grant: GrantState | null
  frozen: FreezeState
  frozenAll: FreezeState
  order: OrderState | null
  /** By our own book: who has signed that a freeze may go, and which freezes stand. */
  standing: { one: boolean; all: boolean }
  ordered: { proposer: string; second: string | null } | null
}

it('nothing is given while frozen, no freeze is lifted by one, nothing is revoked wholesale by one', () => {
  const seen = { given: 0, heldOff: 0, notLonger: 0, lifted: 0, ordered: 0 }
  const step = fc.record({ do: fc.constantFrom(...COMMANDS), by: fc.constantFrom(...PEOPLE) })
  fc.assert(
    fc.property(fc.array(step, { minLength: 60, maxLength: 200 }), (steps) => {
      const world: World = {
        ...{ now: 0, grant: null, order: null, ordered: null, standing: { one: false, all: false } },
        ...{ frozen: foldFreeze('prod-db', []), frozenAll: foldFreeze(EVERYWHERE, []) },
      }
      for (const next of steps) happen(world, next, seen)
    }),
    { numRuns: 1_000 },
  )
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(15)
})

type Seen = { given: number; heldOff: number; notLonger: number; lifted: number; ordered: number }

function happen(world: World, { do: act, by }: { do: (typeof COMMANDS)[number]; by: string }, seen: Seen): void {
  const { now } = world
  const acting = { by, assurance: 'click-only', policy, now } as const
  switch (act) {
    case 'wait':
      world.now += 10 * MINUTE
      return
    case 'freeze':
    case 'freeze-all':
    case 'lift':
    case 'lift-all':
      freezeOrLift(world, act, acting, seen)
      return
    case 'propose': {
      if (world.order !== null && world.order.status === 'pending') return
      const open = { requests: 1, grants: 0, targets: ['prod-db'] }
      const facts = decideProposal({ kind: 'person', id: 'ana' }, 'why not', open, acting)
      world.order = applyOrder(null, facts, now)
      world.ordered = world.order === null ? null : { proposer: by, second: null }
      return
    }
    case 'confirm':
    case 'decline': {
      if (world.order === null || world.ordered === null) return
      const before = world.order.status
      const facts = act === 'confirm' ? decideConfirmation(world.order, acting) : decideDecline(world.order, acting)
      world.order = applyOrder(world.order, facts, now)
      if (before === 'pending' && world.order?.status === 'confirmed') world.ordered = { ...world.ordered, second: by }
      return
    }
    case 'order': {
      if (world.order === null || world.grant === null) return
      const facts = decideOrdered(world.order, world.grant, now)
      if (facts.length === 0) return
      seen.ordered += 1
      expect(new Set([world.ordered?.proposer, world.ordered?.second, 'ana']).size, 'two others than Ana').toBe(3)
      expect(world.ordered?.second).not.toBeNull()
      world.grant = applyGrant(world.grant, facts, now)
      return
    }
    default:
      giveOrNot(world, act, by, seen)
  }
}

function freezeOrLift(
  world: World,
  act: 'freeze' | 'freeze-all' | 'lift' | 'lift-all',
  acting: Parameters<typeof decideLift>[1],
  seen: Seen,
): void {
  const all = act.endsWith('-all')
  const state = all ? world.frozenAll : world.frozen
  const facts = act.startsWith('freeze') ? decideFreeze(state, acting, '') : decideLift(state, acting)
  const after = applyFreeze(state, facts, world.now)
  if (!('refused' in facts)) {
    for (const fact of facts) {
      if (fact.type === 'freeze.set') world.standing[all ? 'all' : 'one'] = true
      if (fact.type === 'freeze.lifted') {
        seen.lifted += 1
        expect(new Set(fact.data.by).size).toBe(2)
        expect(fact.data.by).toContain(acting.by)
        world.standing[all ? 'all' : 'one'] = false
      }
    }
  }
  if (all) world.frozenAll = after
  else world.frozen = after
}

const PEOPLES: readonly string[] = ['ask', 'approve', 'extend', 'approve-extension']

/** As the workflow does it: the freeze in force goes with every decision. */
function giveOrNot(world: World, act: (typeof ACTS)[number], by: string, seen: Seen): void {
  const { now, grant } = world
  const freeze = world.frozenAll.freeze ?? world.frozen.freeze
  const signing = { by, assurance: 'click-only', roster, policy, now } as const
  const facts = decide(world, act, signing, freeze)
  const decided = PEOPLES.includes(act) ? underFreeze(facts, freeze, policy) : facts
  const after = applyGrant(grant, decided, now)
  const more = after?.access?.endsAt !== grant?.access?.endsAt && after?.access != null
  if (world.standing.one || world.standing.all) {
    if (more) expect.fail(`${act} gave access under a freeze`)
    if (act === 'provide' && grant?.status === 'planned') seen.heldOff += 1
    if (act === 'raise-expiry' && grant?.extension?.status === 'approved') seen.notLonger += 1
  } else if (more) seen.given += 1
  world.grant = after
}

function decide(
  { grant, now }: World,
  act: (typeof ACTS)[number],
  signing: Parameters<typeof decideApproval>[1],
  freeze: Freeze | null,
): GrantEvent[] | Refused {
  if (act === 'ask' || grant === null) {
    const over = grant === null || !['pending', 'planned', 'active'].includes(grant.status) || isPast(grant, now)
    const ask = { by: 'ana', for: 'ana', target: 'prod-db', entitlement: null, durationMs: HOUR, reason: 'why not' }
    return act === 'ask' && over ? decideAsk(ask, roster, policy, now) : []
  }
  const ending: GrantEvent[] = []
  switch (act) {
    case 'approve':
      return decideApproval(grant, signing)
    case 'extend':
      return decideExtensionAsk(grant, { by: 'ana', durationMs: HOUR, reason: '', roster, policy, now })
    case 'approve-extension':
      return decideExtensionApproval(grant, signing)
    case 'reconsider':
      return decideReconsider(grant, roster, policy, freeze, now)
    case 'provide':
      return mayProvision(grant, roster, policy, freeze, now).may ? given(grant, now) : ending
    case 'raise-expiry': {
      const may = mayExtend(grant, roster, policy, freeze, now)
      if (!may.may) return ending
      const { until } = may.extension
      return [{ type: 'grant.extended', data: { endsAt: until, warnAt: until, nativeExpiry: until + MINUTE } }]
    }
    default:
      return act satisfies never
  }
}

function isPast({ access, pendingUntil, status }: GrantState, now: number): boolean {
  return now >= (access?.endsAt ?? pendingUntil) || (status === 'planned' && now >= pendingUntil)
}

function given(grant: GrantState, now: number): GrantEvent[] {
  const endsAt = now + grant.durationMs
  const access = { account: 'jit_x', nativeExpiry: endsAt }
  return [
    { type: 'grant.providing', data: { ...access, endsBy: endsAt, checkpointSize: 1, policy: policy.hash } },
    { type: 'grant.active', data: { ...access, activatedAt: now, endsAt, warnAt: now, checks: [] } },
  ]
}

function applyGrant(before: GrantState | null, facts: GrantEvent[] | Refused, at: number): GrantState | null {
  if ('refused' in facts) return before
  let state = facts[0]?.type === 'request.asked' ? null : before
  for (const fact of facts) state = evolve('G-000000', state, { ...fact, seq: (state?.seq ?? 0) + 1, at })
  return state
}

function applyFreeze(before: FreezeState, facts: FreezeDecision, at: number): FreezeState {
  if ('refused' in facts) return before
  return facts.reduce((state, fact) => evolveFreeze(state, { ...fact, seq: state.seq + 1, at }), before)
}

function applyOrder(before: OrderState | null, facts: OrderEvent[] | Refused, at: number): OrderState | null {
  if ('refused' in facts) return before
  let state = before
  for (const fact of facts) state = evolveOrder('R-000000', state, { ...fact, seq: (state?.seq ?? 0) + 1, at })
  return state
}

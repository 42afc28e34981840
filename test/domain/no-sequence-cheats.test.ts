import fc from 'fast-check'
import { expect, it } from 'vitest'
import type { Roster } from '../../src/domain/approvers.ts'
import { decideAsk } from '../../src/domain/decide-ask.ts'
import { decideCancel, decideDue, decideEnd } from '../../src/domain/decide-ending.ts'
import {
  decideExtensionApproval,
  decideExtensionAsk,
  decideExtensionDenial,
  mayExtend,
} from '../../src/domain/decide-extension.ts'
import { decideReconsider } from '../../src/domain/decide-reconsider.ts'
import { decideApproval, decideDenial } from '../../src/domain/decide-signature.ts'
import { HOUR, MINUTE } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'
import { evolve, type GrantState } from '../../src/domain/grant-state.ts'
import { mayProvision } from '../../src/domain/may-provision.ts'
import type { ApprovalRule, Policy } from '../../src/domain/policy.ts'
import type { Refused } from '../../src/domain/refusal.ts'
import { testEntitlement, testPolicy, testTarget } from '../support/policy.ts'

/*
 * A world of five persons in which everything may happen in any order: asks, signatures by anybody,
 * people leaving and changing managers, denials, extensions, ends, time. After every step two
 * questions that know nothing of the decisions' code: does every access rest on as many distinct
 * persons as the rules ask for, none of them its holder, all allowed; and is nothing active after its end?
 */
const PEOPLE = ['a', 'b', 'c', 'd', 'e'] as const
const person = fc.constantFrom(...PEOPLE)
const source = fc.constantFrom(
  { kind: 'manager' } as const,
  { kind: 'owners' } as const,
  { kind: 'group', group: 'g' } as const,
)
const rule: fc.Arbitrary<ApprovalRule> = fc.record({
  need: fc.integer({ min: 1, max: 2 }),
  from: fc.uniqueArray(source, { minLength: 1, maxLength: 3, selector: (one) => one.kind }),
})
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constantFrom('approve', 'provide', 'approve-extension'), by: person }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom('extend', 'raise-expiry', 'tick', 'reconsider', 'tick'), by: person }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('deny', 'deny-extension', 'end', 'cancel'), by: person }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constantFrom('leave', 'come-back', 'become-manager'), by: person }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant('wait'), by: person, ms: fc.integer({ min: 1, max: 3 * HOUR }) }),
  },
)

interface World {
  now: number
  state: GrantState
  roster: { manager: string; active: Set<string>; owners: string[]; groups: { g: string[] } }
}

it('no order of acts gives access without the distinct persons of the rules, or keeps it past its end', () => {
  let granted = 0
  const world = fc.record({
    rules: fc.array(rule, { minLength: 1, maxLength: 2 }),
    owners: fc.subarray([...PEOPLE]),
    group: fc.subarray([...PEOPLE]),
    manager: person,
  })
  fc.assert(
    fc.property(
      world,
      fc.array(command, { minLength: 20, maxLength: 60 }),
      ({ rules, owners, group, manager }, commands) => {
        const read = testEntitlement({ approvals: rules, maxTotalMs: 6 * HOUR })
        const target = testTarget({ owners, entitlements: { read } })
        const policy = testPolicy({ targets: { 'prod-db': target } })
        const roster = { manager, owners, groups: { g: group }, active: new Set<string>(PEOPLE) }
        const asked = decideAsk(
          { by: 'a', for: 'a', target: 'prod-db', entitlement: 'read', durationMs: HOUR, reason: 'why not' },
          roster,
          policy,
          0,
        )
        const it: World = { now: 0, roster, state: apply(null, asked, 0) as GrantState }
        for (const next of commands) {
          it.state = apply(it.state, happen(it, next, policy), it.now) ?? it.state
          if (it.state.access !== null) {
            granted += 1
            expect(distinctPersonsOf(it.state.approval?.by ?? [], rules, everRoster(roster))).toBe(true)
          }
          const live = it.state.status === 'active' || it.state.status === 'providing'
          const over = live && it.state.access !== null && it.now >= it.state.access.endsAt
          // The timer is the one who ends it: once it has run at or past the end, nothing is live.
          if (over) expect(apply(it.state, decideDue(it.state, it.now), it.now)?.status).toBe('ending')
          if (live && it.state.access?.activatedAt != null) {
            expect(it.state.access.endsAt - it.state.access.activatedAt).toBeLessThanOrEqual(6 * HOUR)
          }
        }
      },
    ),
    { numRuns: 2_000 },
  )
  expect(granted).toBeGreaterThan(500)
})

/** What one command makes happen: events, a refusal, or only a change of the world. */
function happen(world: World, next: { do: string; by: string; ms?: number }, policy: Policy): GrantEvent[] | Refused {
  const { state, roster, now } = world
  const signing = { by: next.by, assurance: 'click-only', roster: roster as Roster, policy, now } as const
  switch (next.do) {
    case 'approve':
      return decideApproval(state, signing)
    case 'deny':
      return decideDenial(state, signing, 'no')
    case 'extend':
      return decideExtensionAsk(state, { by: next.by, durationMs: HOUR, reason: '', roster, policy, now })
    case 'approve-extension':
      return decideExtensionApproval(state, signing)
    case 'deny-extension':
      return decideExtensionDenial(state, signing, 'no')
    case 'end':
      return decideEnd(state, next.by, policy, now)
    case 'cancel':
      return decideCancel(state, next.by)
    case 'leave':
      roster.active.delete(next.by)
      return []
    case 'come-back':
      roster.active.add(next.by)
      return []
    case 'become-manager':
      roster.manager = next.by
      return []
    case 'wait':
      world.now += next.ms ?? 0
      return []
    case 'tick':
      return decideDue(state, now)
    case 'reconsider':
      return decideReconsider(state, roster, policy, null, now)
    case 'provide': {
      if (!mayProvision(state, roster, policy, null, now).may) return []
      const account = 'jit_x'
      const endsBy = now + state.durationMs + MINUTE
      return [
        {
          type: 'grant.providing',
          data: { account, endsBy, nativeExpiry: endsBy, checkpointSize: 1, policy: policy.hash },
        },
        {
          type: 'grant.active',
          data: {
            account,
            activatedAt: now,
            endsAt: now + state.durationMs,
            warnAt: now,
            nativeExpiry: endsBy,
            checks: [],
          },
        },
      ]
    }
    case 'raise-expiry': {
      const may = mayExtend(state, roster, policy, null, now)
      if (!may.may) return []
      return [
        {
          type: 'grant.extended',
          data: {
            endsAt: may.extension.until,
            warnAt: may.extension.until,
            nativeExpiry: may.extension.until + MINUTE,
          },
        },
      ]
    }
    default:
      throw new Error(next.do)
  }
}

function apply(before: GrantState | null, result: GrantEvent[] | Refused, at: number): GrantState | null {
  if ('refused' in result) return before
  let state = before
  for (const event of result) state = evolve('G-000000', state, { ...event, seq: (state?.seq ?? 0) + 1, at })
  return state
}

/** Anybody may have been the manager, and may have left since: only the sets that never change bind. */
function everRoster(roster: World['roster']): Record<'manager' | 'owners' | 'group', ReadonlySet<string>> {
  return { manager: new Set(PEOPLE), owners: new Set(roster.owners), group: new Set(roster.groups.g) }
}

/** Seats distinct signers by trying every order: slow, obvious, and not the code under test. */
function distinctPersonsOf(
  signers: readonly string[],
  rules: readonly ApprovalRule[],
  sets: ReturnType<typeof everRoster>,
): boolean {
  if (new Set(signers).size !== signers.length || signers.includes('a')) return false
  const seats = rules.flatMap((one) => Array.from({ length: one.need }, () => one.from.map((from) => sets[from.kind])))
  const fill = (index: number, left: readonly string[]): boolean => {
    const seat = seats[index]
    if (seat === undefined) return true
    return left.some(
      (who) =>
        seat.some((set) => set.has(who)) &&
        fill(
          index + 1,
          left.filter((other) => other !== who),
        ),
    )
  }
  return fill(0, signers)
}

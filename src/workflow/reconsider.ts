import { decideReconsider } from '../domain/decide-reconsider.ts'
import { decideUnfounded, type Standing } from '../domain/decide-unfounded.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { isRefused } from '../domain/refusal.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { rosterFor } from './roster.ts'

/**
 * Asks anew who may sign: the policy or the directory may have changed under a pending request.
 * @param seen as just read; a transaction is taken only where something changes
 */
export async function reconsider(context: Context, seen: GrantState): Promise<void> {
  if (seen.status !== 'pending') return
  const policy = await context.policy.inForce(context.db)
  if (isRefused(policy)) return
  const roster = await rosterFor(context, policy, seen)
  const decide = (state: GrantState, now: number, freeze: Freeze | null) =>
    decideReconsider(state, roster, policy, freeze, now)
  // Without a freeze it decides as much, or more.
  if (decide(seen, context.clock.now(), null).length === 0) return
  await advanceGrant(context, seen.id, decide, { givesAccess: true })
}

/**
 * Asks anew whether a request or a grant has a ground: whoever holds it may have left or moved. Needs no policy in
 * force: what this process last saw is enough to take away.
 * @param seen as just read; a transaction is taken only where something changes
 * @returns whether something was written
 */
export async function takeGround(context: Context, seen: GrantState): Promise<boolean> {
  await context.people.look(context.db)
  const decide = (state: GrantState, now: number) =>
    decideUnfounded(state, standingIn(context), context.policy.current(), now)
  if (decide(seen, context.clock.now()).length === 0) return false
  return (await advanceGrant(context, seen.id, decide)).wrote
}

/** `left` also for whom an earlier policy named and this one does not: leaving somebody out takes what they have. */
export function standingIn(context: Pick<Context, 'policy' | 'people'>): (id: string) => Standing {
  const policy = context.policy.current()
  const known = new Map(policy.people.map(({ id, status }) => [id, status]))
  return (id) => {
    const status = known.get(id)
    if (status !== undefined) return status
    if (!context.policy.isFromRecord() || context.people.current().persons.get(id)?.enteredAt != null) return 'unknown'
    return context.policy.activations().some((one) => one.policy?.people.some((person) => person.id === id) === true)
      ? 'left'
      : 'unknown'
  }
}

import { TransactionFailure } from '../db/failure.ts'
import type { GrantEvent, GrantStep } from '../domain/grant-event.ts'
import type { Ending, GrantState } from '../domain/grant-state.ts'
import { type Connector, ConnectorError, type StepObservation, type TargetGrant } from '../ports/connector.ts'
import { withholdSecrets } from '../secrets/find-secret.ts'
import { advanceGrant } from './advance-grant.ts'
import type { AdvanceTogether } from './advance-together.ts'
import type { Context } from './context.ts'
import { loadGrant } from './grant-store.ts'
import { holdingLane, targetGrant } from './holding.ts'

/** A removal that is not proved after this long is told to people. Trying goes on. */
export const STUCK_AFTER_MS = 60_000

export type Revoked =
  | 'gone'
  /** Another worker has it. */
  | 'busy'
  | 'again'
  /** Nobody comes in any more; the rest waits, because others are still to be shut out. */
  | { readonly disabled: GrantState }

export interface Revoking {
  readonly id: string
  /** Where it stands, when this process has just written it. */
  readonly state?: GrantState
  /** Goes on even when somebody else has the lane: the place of each event keeps two apart. */
  readonly passBusy: boolean
  readonly together: AdvanceTogether
  /** Asked once nobody comes in any more: whether the rest can wait. */
  readonly mayRest: () => boolean
}

/**
 * Takes an access away: disable, end sessions, remove, look. Each step is committed before the next
 * begins, so whoever comes after a crash goes on where it stopped. Needs no policy, no witness, no
 * directory: failing closed never stops a revocation.
 * @returns `again` when the target could not be reached or the access is still seen
 * @throws RecordTampered
 */
export async function revokeGrant(context: Context, revoking: Revoking): Promise<Revoked> {
  const { id, passBusy } = revoking
  const state = revoking.state ?? (await loadGrant(context, context.db, id))?.state
  if (state?.status !== 'ending') return 'gone'
  const turn = await context.lanes.tryLane(holdingLane(state), ({ lost }) => takeAway(context, revoking, lost))
  if (turn !== null) return turn.value
  if (!passBusy) return 'busy'
  context.alarm({
    what: 'lane-held',
    detail: 'Somebody holds the lane and does not go on; gone on without it',
    grant: id,
  })
  return takeAway(context, revoking, new AbortController().signal)
}

async function takeAway(context: Context, revoking: Revoking, lost: AbortSignal): Promise<Revoked> {
  for (let known = revoking.state ?? null; ; ) {
    const state = known ?? (await loadGrant(context, context.db, revoking.id))?.state
    if (state?.status !== 'ending' || state.ending === null) return 'gone'
    if (known !== null && state.ending.done === 'disabled' && revoking.mayRest()) return { disabled: state }
    const next = nextStep(state.ending)
    try {
      const connector = context.connectorOf(state.target, state.access?.policy)
      if (connector === null) {
        throw new ConnectorError(
          'NotFound',
          `No policy that was ever active says how to reach ${state.target}, or its secret cannot be read: set it again`,
        )
      }
      lost.throwIfAborted()
      known = await takeStep(context, revoking, state, connector, next)
    } catch (error) {
      // What could not be recorded cannot be recorded as a failure either.
      if (error instanceof TransactionFailure) throw error
      await recordFailure(context, state, next, error)
      return 'again'
    }
  }
}

/** After a look that still saw it, everything is done once more before the next look. */
function nextStep(ending: Ending): Exclude<GrantStep, 'provision' | 'extend'> | 'all' {
  switch (ending.done) {
    case 'started':
      return 'disable'
    case 'disabled':
      return 'terminate-sessions'
    case 'sessions-ended':
      return 'remove'
    case 'access-removed':
    case 'seen-gone':
      return ending.lastLook === null ? 'verify' : 'all'
    default:
      return ending.done satisfies never
  }
}

/** @returns the state after, where this process knows it; null when the record must be asked */
async function takeStep(
  context: Context,
  { together }: Revoking,
  state: GrantState,
  connector: Connector,
  step: ReturnType<typeof nextStep>,
): Promise<GrantState | null> {
  const recordStep = (from: Ending['done'], fact: GrantEvent) =>
    advance(context, together, state, (latest) => (latest.ending?.done === from ? [fact] : []))
  const grant = targetGrant(state)
  switch (step) {
    case 'disable': {
      const seen = await connector.disable(grant)
      await context.reached('revoke:after-disable')
      const after = await recordStep('started', { type: 'grant.disabled', data: kept(seen) })
      await context.reached('revoke:after-disabled')
      return after
    }
    case 'terminate-sessions': {
      const seen = await connector.terminateSessions(grant)
      await context.reached('revoke:after-terminate')
      const after = await recordStep('disabled', { type: 'grant.sessions-ended', data: kept(seen) })
      await context.reached('revoke:after-sessions-ended')
      return after
    }
    case 'remove': {
      const seen = await connector.remove(grant)
      await context.reached('revoke:after-remove')
      const after = await recordStep('sessions-ended', { type: 'grant.access-removed', data: kept(seen) })
      await context.reached('revoke:after-access-removed')
      return after
    }
    case 'all':
      await connector.disable(grant)
      await connector.terminateSessions(grant)
      await connector.remove(grant)
      return look(context, together, state, connector, grant)
    case 'verify':
      return look(context, together, state, connector, grant)
    default:
      return step satisfies never
  }
}

/** With what others write at the same time, or, where that does not work out, by itself. */
async function advance(
  context: Context,
  together: AdvanceTogether,
  state: GrantState,
  decide: (latest: GrantState) => readonly GrantEvent[],
): Promise<GrantState | null> {
  const after = await together(state, decide)
  return typeof after === 'object' ? after : (await advanceGrant(context, state.id, decide)).state
}

/** Looks, and writes what was seen. Only `removed` ends the grant. */
async function look(
  context: Context,
  together: AdvanceTogether,
  state: GrantState,
  connector: Connector,
  grant: TargetGrant,
): Promise<GrantState | null> {
  const { verdict, checks, residuals } = await connector.verifyRemoved(grant)
  await context.reached('revoke:after-look')
  if (verdict !== 'removed') {
    await advanceGrant(context, state.id, (latest) =>
      latest.status === 'ending' && latest.ending?.lastLook !== verdict
        ? [{ type: 'grant.looked', data: { verdict, checks, left: residuals } }]
        : [],
    )
    throw new ConnectorError('VerificationFailed', `looked, and it is ${verdict}`)
  }
  const after = await advance(context, together, state, (latest) => {
    if (latest.status !== 'ending' || latest.ending === null) return []
    const left = unique([...latest.ending.left, ...residuals])
    return [
      {
        type: 'grant.removed',
        data: { checks, left, lateMs: Math.max(0, (latest.ending.disabledAt ?? latest.ending.at) - latest.ending.due) },
      },
    ]
  })
  await context.reached('revoke:after-removed')
  return after
}

function unique(left: readonly { kind: string; what: string }[]): { kind: string; what: string }[] {
  return [...new Map(left.map(({ kind, what }) => [`${kind} ${what}`, { kind, what }])).values()]
}

function kept(seen: StepObservation): Extract<GrantEvent, { type: 'grant.disabled' }>['data'] {
  return { summary: seen.summary, checks: seen.checks, left: seen.residuals }
}

/** Another step or another code, and not one of two that take turns every few seconds. */
function isNews(before: GrantState['failure'], failed: { step: GrantStep; code: string }, now: number): boolean {
  if (before === null) return true
  const same = before.step === failed.step && before.code === failed.code
  return !same && now - before.at >= 60_000
}

/** Each kind of failure of a step is written once; after a minute without proof it is stuck, and told, once. */
async function recordFailure(
  context: Context,
  state: GrantState,
  step: ReturnType<typeof nextStep>,
  error: unknown,
): Promise<void> {
  const failed = {
    step: step === 'all' ? 'verify' : step,
    code: error instanceof ConnectorError ? error.code : 'Unexpected',
    message:
      error instanceof ConnectorError ? await withholdSecrets(error.message) : 'an unexpected fault, see the log',
  }
  if (!(error instanceof ConnectorError)) {
    context.alarm({
      what: 'revocation-fault',
      detail: error instanceof Error ? error.message : 'unknown',
      grant: state.id,
    })
  }
  const { state: after, wrote } = await advanceGrant(context, state.id, (latest, now) => {
    if (latest.status !== 'ending' || latest.ending === null) return []
    const facts: GrantEvent[] = []
    if (isNews(latest.failure, failed, now)) facts.push({ type: 'grant.attempt-failed', data: failed })
    if (latest.stuck === null && now - latest.ending.at >= STUCK_AFTER_MS) {
      facts.push({ type: 'grant.stuck', data: { ...failed, escalatedTo: context.policy.current().escalateTo } })
    }
    return facts
  })
  if (wrote && after !== null && after.stuck !== null) {
    context.alarm({ what: 'grant-stuck', detail: `${failed.step}: ${failed.message}`, grant: state.id })
  }
}

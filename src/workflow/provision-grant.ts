import { warnAt } from '../domain/decide-ending.ts'
import { frozenMessage } from '../domain/decide-freeze.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import { type GrantEvent, grantStream, type WaitCause } from '../domain/grant-event.ts'
import { foldGrant, type GrantState, type GrantStatus, isOpen } from '../domain/grant-state.ts'
import type { Independence } from '../domain/independence.ts'
import { type MayProvision, mayProvision } from '../domain/may-provision.ts'
import type { Policy } from '../domain/policy.ts'
import { isRefused } from '../domain/refusal.ts'
import type { ProvedHands } from '../domain/still-stands.ts'
import { LeaveToOthers, RetryLater } from '../effects/effect.ts'
import { type Connector, ConnectorError, type ProvisionObservation } from '../ports/connector.ts'
import { WitnessUnreachable } from '../ports/witness.ts'
import { readRestart } from '../record/read-origin.ts'
import { readWitnessed } from '../record/read-witnessed.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { withholdSecrets } from '../secrets/find-secret.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { freezeOn } from './freezes.ts'
import { loadGrant, readable } from './grant-store.ts'
import { holdingLane, targetGrant } from './holding.ts'
import { alarmOf } from './name-tampering.ts'
import { provedHands } from './proved-hands.ts'
import { reconcileGrant } from './reconcile-target.ts'
import { rosterFor } from './roster.ts'

/** How long after the end on record the target's own expiry fires: time to make the access, and clock skew. */
export const EXPIRY_MARGIN_MS = 2 * 60_000

/** How long a seal is waited for before the effect is put back. */
const SEAL_PATIENCE_MS = 2_000

/** Facts that need not be witnessed first: whoever clicks on and on must not hold an access back. */
const CHANGES_NOTHING = ['act.refused', 'grant.connection-shown', 'grant.waiting', 'passkey.challenged']
/** Who was approved so long ago and has nothing wonders why. */
const WAIT_IS_TOLD_MS = 10_000
/** How soon a record that was changed is read again. */
const TAMPERED_AGAIN_MS = 60_000

const MAY_BE_MADE: readonly GrantStatus[] = ['planned', 'providing']

/** What no retry mends: the target will say the same until a person changes something. */
const HOPELESS = ['PrivilegeMissing', 'PrivilegeExcessive', 'NotFound', 'SilentNoOp', 'ForeignGrant', 'Conflict']

/**
 * Makes the access. Trusts no table and no job: the approval must be found, by its events, inside a
 * checkpoint that the witnesses keep. The end is on record before the target is touched.
 * @param attempt of the effect, 1 for the first
 * @throws RetryLater when the record is not yet witnessed or was changed, or the target cannot be reached
 */
export async function provisionGrant(context: Context, id: string, attempt: number): Promise<void> {
  try {
    const seen = await loadGrant(context, context.db, id)
    if (seen !== null && MAY_BE_MADE.includes(seen.state.status)) await provisionProved(context, seen.state)
    else nameNeedlessJob(context, id, seen?.state ?? null, attempt)
  } catch (error) {
    if (!(error instanceof RecordTampered)) throw error
    context.alarm({ ...alarmOf(error), grant: id })
    // Held, and what a step before may have made is taken away. The job stays, for when the record is whole again.
    await reconcileGrant(context, id, 'record-tampered')
    throw new RetryLater(TAMPERED_AGAIN_MS, { cause: error })
  }
}

/**
 * Somebody may have put the job there. Nothing to name is one too many for a live grant, one whose request was
 * taken back after its approval, and one that comes again because a worker died with it.
 */
function nameNeedlessJob(context: Context, id: string, state: GrantState | null, attempt: number): void {
  if (state === null) {
    const detail = 'A job asks for access that nobody asked for'
    context.alarm({ what: 'provision-without-request', detail, grant: id })
  } else if (state.approval === null || (state.access !== null && !isOpen(state) && attempt === 1)) {
    const detail = `A job asks for access, but the record says ${state.status}`
    context.alarm({ what: 'provision-without-approval', detail, grant: id })
  }
}

async function provisionProved(context: Context, seen: GrantState): Promise<void> {
  const { id } = seen
  await context.lanes.withLane(holdingLane(seen), async ({ lost }) => {
    const witnessed = await witnessedGrant(context, id).catch(async (error: unknown) => {
      if (error instanceof WitnessUnreachable) await tellWaiting(context, id, 'witness')
      throw error
    })
    if (witnessed === null) {
      await tellWaiting(context, id, 'witness')
      throw new RetryLater(100)
    }
    const { state, hands, checkpointSize } = witnessed
    if (!MAY_BE_MADE.includes(state.status)) return
    const policy = await context.policy.provedInForce(context.db)
    // Another process may have the active policy: were it ours again, it would wait for as long as we are held.
    if (isRefused(policy)) {
      await tellWaiting(context, id, policy.refused.code === 'clock-fell-back' ? 'clock' : 'policy')
      throw new LeaveToOthers(1_000)
    }
    if (await isFromBeforeRestore(context, state.approval?.at)) {
      const message = 'The record was restored since, and may have lost that it was taken back. Ask again.'
      return giveUp(context, state, 'approval-before-restore', message)
    }
    const may = await askAgain(context, policy, state, hands)
    if (!may.may) return giveUp(context, state, may.code, may.message)
    const connector = context.connectorToGive(policy, state.target)
    if (connector === null) return giveUp(context, state, 'NotFound', `No connector serves ${state.target}.`)
    lost.throwIfAborted()
    await make(context, policy, state, connector, checkpointSize)
  })
}

/** Nobody who was told that it is approved is left to guess. */
async function tellWaiting(context: Context, id: string, because: WaitCause): Promise<void> {
  await advanceGrant(context, id, ({ status, approval, waitsFor }, now) => {
    const isLong = approval !== null && now - approval.at >= WAIT_IS_TOLD_MS
    return status === 'planned' && isLong && waitsFor !== because ? [{ type: 'grant.waiting', data: { because } }] : []
  })
}

/** Folds only what is proved to be inside a witnessed checkpoint; null while the newest event is not. */
export async function witnessedGrant(context: Context, id: string): Promise<WitnessedGrant | null> {
  const seq = await context.record.endOf(context.db, grantStream(id))
  await context.sealed(grantStream(id), seq, SEAL_PATIENCE_MS)
  const { proved, waiting, checkpoint } = await readWitnessed(context, context.db, grantStream(id))
  if (checkpoint === null || !waiting.every(({ type }) => CHANGES_NOTHING.includes(type))) return null
  const state = foldGrant(id, proved.map(readable))
  if (state === null) return null
  return { state, hands: await provedHands(context, id, proved), checkpointSize: checkpoint.checkpoint.size }
}

interface WitnessedGrant {
  readonly state: GrantState
  /** Which signatures a passkey gave. */
  readonly hands: ProvedHands
  readonly checkpointSize: number
}

/** What was decided before a restore does not count: its withdrawal may be among what was lost. */
export async function isFromBeforeRestore(context: Context, decidedAt: number | undefined): Promise<boolean> {
  const restart = await readRestart(context.db, context.witnessed)
  return restart !== null && (decidedAt ?? 0) <= restart
}

async function askAgain(
  context: Context,
  policy: Policy,
  state: GrantState,
  hands: ProvedHands,
): Promise<MayProvision> {
  const roster = await rosterFor(context, policy, state)
  const freeze = await freezeOn(context, context.db, state.target)
  return mayProvision(state, roster, policy, freeze, context.clock.now(), hands)
}

async function make(
  context: Context,
  policy: Policy,
  state: GrantState,
  connector: Connector,
  checkpointSize: number,
): Promise<void> {
  const { id } = state
  try {
    const faults = (await connector.checkPreconditions()).filter((fault) => fault.severity === 'blocking')
    const fault = faults[0]
    if (fault !== undefined) throw new ConnectorError(fault.code, fault.message)

    const account = connector.accountFor(id)
    await context.reached('provision:before-providing')
    const rests = { checkpointSize, independence: await independenceOf(context, policy, state.target) }
    const providing = await recordProviding(context, policy, state, account, rests)
    if (providing === null) return
    await context.reached('provision:after-providing')
    const seen = await connector.provision(targetGrant(providing.state), providing.nativeExpiry)
    await context.reached('provision:after-target')
    await recordActive(context, policy, id, seen)
    await context.reached('provision:after-active')
  } catch (error) {
    await afterFailure(context, id, error)
  }
}

async function independenceOf(context: Context, policy: Policy, target: string): Promise<Independence> {
  const needed = policy.targets[target]?.financialReporting === true ? policy.independentWitnesses : 0
  return { needed, keptBy: await context.lookAtWitnesses() }
}

/** Frozen while it was being made: then it is taken away before anybody is told of it. */
async function recordActive(context: Context, policy: Policy, id: string, seen: ProvisionObservation): Promise<void> {
  const { account, nativeExpiry, checks } = seen
  const decide = (latest: GrantState, at: number, freeze: Freeze | null): GrantEvent[] => {
    if (latest.status !== 'providing') return []
    if (freeze !== null) return givenUp(latest, at, 'frozen', frozenMessage(freeze))
    const endsAt = at + latest.durationMs
    const warn = warnAt(at, endsAt, policy.warnBeforeMs)
    return [{ type: 'grant.active', data: { account, activatedAt: at, endsAt, warnAt: warn, nativeExpiry, checks } }]
  }
  await advanceGrant(context, id, decide, { givesAccess: true })
}

/**
 * Writes that the access may exist from now on, with the latest moment at which its removal starts.
 * A retry writes it again when too little of the margin is left, so that the target's expiry never cuts short.
 */
async function recordProviding(
  context: Context,
  policy: Policy,
  state: GrantState,
  account: string,
  rests: { readonly checkpointSize: number; readonly independence: Independence },
): Promise<{ state: GrantState; nativeExpiry: number } | null> {
  const decide = (latest: GrantState, now: number, freeze: Freeze | null): GrantEvent[] => {
    if (latest.status !== 'planned' && latest.status !== 'providing') return []
    if (freeze !== null) return givenUp(latest, now, 'frozen', frozenMessage(freeze))
    const endsBy = now + latest.durationMs + EXPIRY_MARGIN_MS
    const enough = latest.access !== null && latest.access.endsAt - now - latest.durationMs > EXPIRY_MARGIN_MS / 2
    if (latest.status === 'providing' && enough) return []
    const data = { account, endsBy, nativeExpiry: endsBy, ...rests, policy: policy.hash }
    return [{ type: 'grant.providing', data }]
  }
  const { state: after } = await advanceGrant(context, state.id, decide, { givesAccess: true })
  if (after === null || after.status !== 'providing' || after.access?.nativeExpiry == null) return null
  return { state: after, nativeExpiry: after.access.nativeExpiry }
}

async function afterFailure(context: Context, id: string, error: unknown): Promise<void> {
  if (!(error instanceof ConnectorError)) throw error
  const { code } = error
  const message = await withholdSecrets(error.message)
  const { state } = await advanceGrant(context, id, (latest, now) => {
    if (latest.status !== 'planned' && latest.status !== 'providing') return []
    if (latest.status === 'providing' && (HOPELESS.includes(code) || now >= (latest.approval?.usableUntil ?? 0))) {
      return [
        { type: 'grant.attempt-failed', data: { step: 'provision', code, message } },
        { type: 'grant.ending', data: { cause: 'provision-failed', by: null, due: now } },
      ]
    }
    if (latest.failure?.code === code) return []
    return [{ type: 'grant.attempt-failed', data: { step: 'provision', code, message } }]
  })
  if (state?.status === 'planned' || state?.status === 'providing') {
    throw new RetryLater(error.retryAfterMs ?? 2_000)
  }
}

/** The approval does not hold any more. What may already exist is taken away. */
async function giveUp(context: Context, state: GrantState, code: string, message: string): Promise<void> {
  await advanceGrant(context, state.id, (latest, now) => givenUp(latest, now, code, message))
}

function givenUp(latest: GrantState, now: number, code: string, message: string): GrantEvent[] {
  if (latest.status === 'planned') return [{ type: 'grant.failed', data: { code, message } }]
  if (latest.status !== 'providing') return []
  return [
    { type: 'grant.attempt-failed', data: { step: 'provision', code, message } },
    { type: 'grant.ending', data: { cause: 'provision-failed', by: null, due: now } },
  ]
}

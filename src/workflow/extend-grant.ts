import { warnAt } from '../domain/decide-ending.ts'
import { mayExtend } from '../domain/decide-extension.ts'
import { frozenMessage } from '../domain/decide-freeze.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import type { GrantEvent } from '../domain/grant-event.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { isRefused } from '../domain/refusal.ts'
import { LeaveToOthers, RetryLater } from '../effects/effect.ts'
import { ConnectorError } from '../ports/connector.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import { advanceGrant } from './advance-grant.ts'
import type { Context } from './context.ts'
import { freezeOn } from './freezes.ts'
import { loadGrant } from './grant-store.ts'
import { holdingLane, targetGrant } from './holding.ts'
import { alarmOf } from './name-tampering.ts'
import { EXPIRY_MARGIN_MS, isFromBeforeRestore, witnessedGrant } from './provision-grant.ts'
import { rosterFor } from './roster.ts'

/**
 * Moves the end of an active access, once its extension is signed and witnessed: raises the target's
 * own expiry, reads it back, and only then says so. If it does not work in time, the old end stands.
 * @throws RecordTampered: the old end stands
 */
export async function extendGrant(context: Context, id: string): Promise<void> {
  const seen = await loadGrant(context, context.db, id)
  if (seen === null) {
    const detail = 'A job asks for more time for a grant that nobody asked for'
    context.alarm({ what: 'extend-without-request', detail, grant: id })
    return
  }
  await context.lanes.withLane(holdingLane(seen.state), async ({ lost }) => {
    const witnessed = await witnessedGrant(context, id).catch((error: unknown) => {
      if (error instanceof RecordTampered) context.alarm({ ...alarmOf(error), grant: id })
      throw error
    })
    if (witnessed === null) throw new RetryLater(100)
    const { state, hands } = witnessed
    if (state.extension?.status !== 'approved') return
    const policy = await context.policy.provedInForce(context.db)
    if (isRefused(policy)) throw new LeaveToOthers(1_000)
    if (await isFromBeforeRestore(context, state.extension.signatures.at(-1)?.at)) {
      return fail(context, id, 'approval-before-restore', 'The record was restored since. Ask again.')
    }
    const roster = await rosterFor(context, policy, state)
    const freeze = await freezeOn(context, context.db, state.target)
    const may = mayExtend(state, roster, policy, freeze, context.clock.now(), hands)
    if (!may.may) return fail(context, id, may.code, may.message)
    const { extension } = may
    const connector = context.connectorToGive(policy, state.target)
    if (connector === null) return fail(context, id, 'NotFound', `No connector serves ${state.target}.`)
    lost.throwIfAborted()
    await context.reached('extend:before-target')
    const nativeExpiry = await connector
      .moveExpiry(targetGrant(state), extension.until + EXPIRY_MARGIN_MS)
      .catch((error: unknown) => {
        if (error instanceof ConnectorError && error.code !== 'NotFound') {
          throw new RetryLater(error.retryAfterMs ?? 2_000)
        }
        throw error
      })
    await context.reached('extend:after-target')
    const decide = (latest: GrantState, _now: number, frozen: Freeze | null): GrantEvent[] => {
      if (latest.status !== 'active' || latest.extension?.askedSeq !== extension.askedSeq) return []
      if (frozen !== null)
        return [{ type: 'extension.failed', data: { code: 'frozen', message: frozenMessage(frozen) } }]
      return [extended(latest, extension.until, nativeExpiry, policy.warnBeforeMs)]
    }
    await advanceGrant(context, id, decide, { givesAccess: true })
    await context.reached('extend:after-commit')
  })
}

function extended(state: GrantState, endsAt: number, nativeExpiry: number, warnBeforeMs: number): GrantEvent {
  const since = state.access?.activatedAt ?? endsAt
  return { type: 'grant.extended', data: { endsAt, warnAt: warnAt(since, endsAt, warnBeforeMs), nativeExpiry } }
}

async function fail(context: Context, id: string, code: string, message: string): Promise<void> {
  await advanceGrant(context, id, (latest) =>
    latest.status === 'active' && latest.extension?.status === 'approved'
      ? [{ type: 'extension.failed', data: { code, message } }]
      : [],
  )
}

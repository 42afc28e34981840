import { line, text } from '../cards/text.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { GrantState } from '../domain/grant-state.ts'
import { isRefused, type Refused, refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import type { ConnectionDetails } from '../ports/connector.ts'
import { mintReveal, takeReveal } from '../secrets/reveal.ts'
import { lockAndLoad, lockAndSettle } from './advance-grant.ts'
import type { Context } from './context.ts'
import { appendToGrant, loadGrant } from './grant-store.ts'
import { holdingLane, targetGrant } from './holding.ts'
import { performAct } from './perform-act.ts'

/** The button `Show how to connect`: a link for one minute, for the holder alone. */
export function showConnection(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'see how to connect',
    decides: false,
    after: () => context.reached('connect:after-commit'),
    run: async ({ tx, now, by }) => {
      if (!context.policy.isFromRecord()) {
        const held = await context.policy.inForce(tx)
        if (isRefused(held)) return { ...held, grant: id }
      }
      const state = await lockAndSettle(context, tx, id, now)
      if (state === null) return { refused: { code: 'unknown-grant', said: id } }
      const refused = mayConnect(state, by.id, now)
      if (refused !== null) return { ...refused, grant: id }
      const token = await mintReveal(tx, context.sealing, 'reveal', { grant: id, identity: by.id, now })
      const url = `${context.publicUrl}/reveal/${token}`
      const link = text('Here for one minute, and once: ', { kind: 'link', text: 'show how to connect', url })
      return {
        answer: { kind: 'line', line: { tone: 'active', text: link } },
        keep: { kind: 'line', line: line('info', 'The link was shown once already. Press the button again.') },
      }
    },
  })
}

export type Revealed =
  | { readonly kind: 'shown'; readonly details: ConnectionDetails }
  | { readonly kind: 'refused'; readonly code: 'expired' | 'used' | 'unknown' | 'ended' }

/**
 * Takes a reveal link and makes the secret, at this moment and not before. That it was shown is on
 * record before the secret exists.
 */
export async function revealConnection(context: Context, token: string): Promise<Revealed> {
  const taken = await inTransaction(context.db, { timeoutMs: 2_000 }, async (tx) => {
    const now = context.clock.now()
    const reveal = await takeReveal(tx, context.sealing, 'reveal', token, now)
    if (reveal.kind === 'refused') return reveal
    const loaded = await lockAndLoad(context, tx, reveal.grant)
    if (loaded === null || mayConnect(loaded.state, reveal.identity, now) !== null) {
      return { kind: 'refused', code: 'ended' } as const
    }
    const fact = { type: 'grant.connection-shown', data: { by: reveal.identity } } as const
    return { kind: 'taken', state: await appendToGrant(context, tx, reveal.grant, loaded.state, [fact], now) } as const
  })
  if (taken.kind === 'refused') return taken
  context.committed()
  await context.reached('connect:after-shown')
  return context.lanes.withLane(holdingLane(taken.state), async () => {
    const latest = await loadGrant(context, context.db, taken.state.id)
    const connector = context.connectorOf(taken.state.target, taken.state.access?.policy)
    if (latest?.state.status !== 'active' || connector === null) return { kind: 'refused', code: 'ended' }
    const details = await connector.issueSecret(targetGrant(latest.state))
    await context.reached('connect:after-secret')
    return { kind: 'shown', details }
  })
}

function mayConnect(state: GrantState, by: string, now: number): Refused | null {
  if (by !== state.for) return refuse({ code: 'not-yours', holder: state.for })
  const active = state.status === 'active' && state.access !== null && now < state.access.endsAt
  return active ? null : refuse({ code: 'not-active', status: state.status })
}

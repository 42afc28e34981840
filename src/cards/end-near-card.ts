import { formatDuration, MINUTE } from '../domain/duration.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Button, Card } from '../ports/chat.ts'
import { code, text, time } from './text.ts'

/**
 * Tells the holder that the end is near, while something can be done about it.
 * @param endsAt the end that it warns of: once that has moved or come, the buttons are gone
 * @param toldAt when the warning fell due
 */
export function endNearCard(state: GrantState, endsAt: number, toldAt: number): Card {
  const right = `${state.target}:${state.entitlement}`
  const footer = text(code(state.id))
  if (state.status !== 'active') {
    return { ...empty, tone: 'info', title: `Your access to ${right} has ended`, badge: 'over', footer }
  }
  const now = state.access?.endsAt ?? endsAt
  if (now !== endsAt) {
    const facts = [{ label: 'Ends', value: text(time(now, 'date-time')) }]
    return { ...empty, tone: 'done', title: `Your access to ${right} was extended`, badge: 'extended', facts, footer }
  }
  const asked = state.extension !== null
  const words = asked
    ? 'You asked for more time: it waits for a signature.'
    : 'Extend it, or give it back when you are done.'
  return {
    ...{
      tone: 'waiting',
      title: `Your access to ${right} ends in ${leftInWords(endsAt - toldAt)}`,
      badge: 'ends soon',
    },
    facts: [{ label: 'Ends', value: text(time(endsAt, 'time-seconds')) }],
    body: [text(words)],
    buttons: asked ? [button(state, 'done')] : [button(state, 'extend'), button(state, 'done')],
    footer,
  }
}

const empty = { facts: [], body: [], buttons: [] } as const

/** `10m`, though the timer came half a second late. */
function leftInWords(leftMs: number): string {
  const unit = leftMs >= 2 * MINUTE ? MINUTE : 1_000
  return formatDuration(Math.round(leftMs / unit) * unit)
}

function button(state: GrantState, action: 'extend' | 'done'): Button {
  const at = { request: state.id, revision: state.seq }
  return action === 'extend'
    ? { action, label: 'Extend', style: 'primary', ...at }
    : { action, label: "I'm done", style: 'plain', ...at }
}

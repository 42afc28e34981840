import { code, line, text } from '../cards/text.ts'
import { inTransaction } from '../db/in-transaction.ts'
import { SYSTEM_STREAM } from '../domain/house-event.ts'
import { mayReadDigest } from '../domain/may-read-digest.ts'
import { type Period, readPeriod } from '../domain/period.ts'
import { isRefused } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { mintReveal, takeReveal } from '../secrets/reveal.ts'
import type { Context } from './context.ts'
import { digestOpened } from './open-digest.ts'
import { performAct } from './perform-act.ts'

/** `/access digest [week]`, and the button on a digest: a link for one minute, for compliance and who is told of faults. */
export function showDigest(context: Context, act: Act, said: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'open the digest',
    decides: false,
    run: async ({ tx, now, by, policy }) => {
      const mayNot = mayReadDigest(by.id, policy)
      if (mayNot !== null) return mayNot
      const period = readPeriod(said, now, policy.timeZone)
      if (isRefused(period)) return period
      const { name } = period
      const token = await mintReveal(tx, context.sealing, 'digest', { grant: name, identity: by.id, now })
      const url = `${context.publicUrl}/digest/${token}`
      const link = { kind: 'link', text: `the digest of ${name}`, url } as const
      return {
        answer: { kind: 'line', line: { tone: 'info', text: text('Here for one minute, and once: ', link) } },
        keep: {
          kind: 'line',
          line: line('info', 'The link was shown once already. Ask again: ', code(`/access digest ${name}`)),
        },
      }
    },
  })
}

/** Takes a link to a digest. That it was opened, and by whom, is on record before anything leaves. */
export async function takeDigest(context: Context, token: string): Promise<TakenDigest> {
  const taken = await inTransaction(context.db, { timeoutMs: 2_000 }, async (tx): Promise<TakenDigest> => {
    const now = context.clock.now()
    const link = await takeReveal(tx, context.sealing, 'digest', token, now)
    if (link.kind === 'refused') return link
    const { grant: said, identity: by } = link
    const policy = context.policy.current()
    const [person, period] = [await context.directory.byId(by), readPeriod(said, now, policy.timeZone)]
    if (person?.status !== 'active' || mayReadDigest(by, policy) !== null || isRefused(period)) {
      return { kind: 'refused', code: 'not-yours' }
    }
    await context.record.append(tx, SYSTEM_STREAM, null, [digestOpened(by, period.name, 'chat')], now)
    return { kind: 'taken', by, period }
  })
  if (taken.kind === 'taken') context.committed()
  return taken
}

export type TakenDigest =
  | { readonly kind: 'taken'; readonly by: string; readonly period: Period }
  | { readonly kind: 'refused'; readonly code: 'expired' | 'used' | 'unknown' | 'not-yours' }

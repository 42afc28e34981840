import { line, person, text, time } from '../cards/text.ts'
import { MOST_APPROVERS } from '../domain/approvers.ts'
import { type DigestEvent, digestStream } from '../domain/digest-event.ts'
import { refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadDigest } from './digest-store.ts'
import { toDraft } from './grant-store.ts'
import { performAct } from './perform-act.ts'

/** *Acknowledge* on a digest: one of compliance says that they have seen it. Who is first, counts. */
export function acknowledgeDigest(context: Context, act: Act, week: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'acknowledge the digest',
    decides: false,
    run: async ({ tx, now, by, policy }) => {
      const state = await loadDigest(context, tx, week)
      if (state === null) return refuse({ code: 'malformed', what: 'The digest', expected: 'one that was made' })
      if (!policy.compliance.includes(by.id)) {
        return refuse({ code: 'may-not-acknowledge', may: policy.compliance.slice(0, MOST_APPROVERS) })
      }
      const { acknowledged } = state
      if (acknowledged !== null) {
        const who = person(acknowledged.by, namesOf(context))
        const words = text(who, ' acknowledged it at ', time(acknowledged.at, 'date-time'), '.')
        return { answer: { kind: 'line', line: { tone: 'info', text: words } } }
      }
      const fact: DigestEvent = {
        type: 'digest.acknowledged',
        data: { by: by.id, as: ['compliance'], policy: policy.hash, assurance: 'click-only' },
      }
      const stream = digestStream(week)
      await context.record.append(tx, stream, state.seq, [toDraft(fact)], now)
      await context.enqueue(tx, { kind: 'announce', stream, urgent: true })
      return { answer: { kind: 'line', line: line('done', `Acknowledged: the digest of ${week}. It is on record.`) } }
    },
  })
}

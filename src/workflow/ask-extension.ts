import { line, strong, time } from '../cards/text.ts'
import { decideExtensionAsk } from '../domain/decide-extension.ts'
import { underFreeze } from '../domain/decide-freeze.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { lockAndSettle } from './advance-grant.ts'
import type { Context } from './context.ts'
import { freezeOn } from './freezes.ts'
import { appendToGrant } from './grant-store.ts'
import { performAct } from './perform-act.ts'
import { rosterFor } from './roster.ts'

/** Asks for more time. It is signed like the request was; the target is touched by `extend-grant.ts`. */
export function askExtension(
  context: Context,
  act: Act,
  id: string,
  words: { durationMs: number; reason: string },
): Promise<Answer> {
  return performAct(context, act, {
    name: 'ask for more time',
    decides: true,
    before: () => context.reached('extend:before-asked'),
    after: () => context.reached('extend:after-asked'),
    run: async ({ tx, now, by, policy }) => {
      const state = await lockAndSettle(context, tx, id, now)
      if (state === null) return { refused: { code: 'unknown-grant', said: id } }
      const roster = await rosterFor(context, policy, state)
      const freeze = await freezeOn(context, tx, state.target)
      const decided = decideExtensionAsk(state, { ...words, by: by.id, roster, policy, now })
      const facts = underFreeze(decided, freeze, policy)
      if ('refused' in facts) return { ...facts, grant: id }
      const after = await appendToGrant(context, tx, id, state, facts, now)
      const until = after.extension?.until ?? now
      const said = line('waiting', strong('Asked'), ' for more time, until ', time(until, 'date-time'), '.')
      return { answer: { kind: 'line', line: said } }
    },
  })
}

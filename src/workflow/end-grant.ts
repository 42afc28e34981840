import { line, strong } from '../cards/text.ts'
import { decideCancel, decideEnd } from '../domain/decide-ending.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { lockAndSettle } from './advance-grant.ts'
import type { Context } from './context.ts'
import { appendToGrant } from './grant-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'

/** `I'm done`, or `/access end <id>`. Works under any policy: nothing may hold back an ending. */
export function endGrant(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'end it',
    decides: false,
    before: () => context.reached('end:before-commit'),
    after: () => context.reached('end:after-commit'),
    run: (performing) => end(context, performing, id),
  })
}

/** Takes a request back before anything was given. */
export function cancelRequest(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'cancel it',
    decides: false,
    run: async ({ tx, now, by }) => {
      const state = await lockAndSettle(context, tx, id, now)
      if (state === null) return { refused: { code: 'unknown-grant', said: id } }
      const facts = decideCancel(state, by.id)
      if ('refused' in facts) return { ...facts, grant: id }
      await appendToGrant(context, tx, id, state, facts, now)
      return { answer: { kind: 'line', line: line('info', strong('Taken back.'), ' Nothing was given.') } }
    },
  })
}

async function end(context: Context, { tx, now, by, policy }: Performing, id: string): Promise<Performed> {
  const state = await lockAndSettle(context, tx, id, now)
  if (state === null) return { refused: { code: 'unknown-grant', said: id } }
  const facts = decideEnd(state, by.id, policy, now)
  if ('refused' in facts) return { ...facts, grant: id }
  const after = await appendToGrant(context, tx, id, state, facts, now)
  return {
    answer: {
      kind: 'line',
      line:
        after.status === 'cancelled'
          ? line('info', strong('Taken back.'), ' Nothing was given.')
          : line('waiting', strong('Ending now.'), ' I will say when it is seen to be gone.'),
    },
  }
}

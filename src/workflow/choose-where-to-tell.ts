import { hereLine } from '../cards/here-line.ts'
import { type PersonEvent, personStream } from '../domain/person-event.ts'
import type { Act, Answer } from '../ports/chat.ts'
import type { Context } from './context.ts'
import { toDraft } from './grant-store.ts'
import { performAct } from './perform-act.ts'

/** `/access here`: from now on they are told on this platform. `/access here off`: wherever they were last. */
export function chooseWhereToTell(context: Context, act: Act, off: boolean): Promise<Answer> {
  const platform = off ? null : act.account.platform
  return performAct(context, act, {
    name: 'choose where they are told',
    decides: false,
    run: async ({ tx, by, now }) => {
      const fact: PersonEvent = { type: 'person.told-on', data: { by: by.id, platform } }
      await context.record.append(tx, personStream(by.id), null, [toDraft(fact)], now)
      await tx`
        insert into where_to_tell (identity, chosen) values (${by.id}, ${platform})
        on conflict (identity) do update set chosen = excluded.chosen`
      return { answer: { kind: 'line', line: hereLine(platform) } }
    },
  })
}

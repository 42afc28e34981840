import { counted } from '../domain/counted.ts'
import type { Scope } from '../domain/keeping-event.ts'
import type { Erasure, Hold } from '../domain/keeping-state.ts'
import type { Line, Span } from '../ports/chat.ts'
import { anyOf, code, line, type Names, person, strong, time } from './text.ts'

/** What is held, in the middle of a sentence. */
export function scopeHeld({ kind, id }: Scope, names: Names): Span {
  if (kind === 'everything') return { kind: 'text', text: 'everything' }
  return kind === 'person' ? person(id, names) : code(id)
}

/** What whoever signed on a hold hears. */
export function keepingLine(hold: Hold | undefined, now: number, names: Names): Line {
  if (hold === undefined) return line('info', 'Nothing is held.')
  const what = scopeHeld(hold.scope, names)
  if (hold.over?.how === 'lifted') {
    return line('info', strong('Lifted. '), what, ' is held no more by ', code(hold.id), '.')
  }
  if (hold.lift !== null && now < hold.lift.askedUntil) {
    const who = anyOf(hold.lift.signers, names)
    return line('waiting', strong('One of two. '), code(hold.id), ' goes on until ', ...who, ' lifts it too.')
  }
  if (hold.placed !== null) {
    return line('done', strong('Held: '), what, ' (', code(hold.id), '). Nothing of it is erased or pruned.')
  }
  const who = anyOf(hold.asked.signers, names)
  return line(
    ...(['waiting', strong('One of two. '), 'A hold on ', what, ' (', code(hold.id), ') counts until '] as const),
    ...[time(hold.asked.askedUntil, 'date-time'), ', and stays if ', ...who, ' places it too.'],
  )
}

/** What whoever signed on an erasure hears. */
export function erasureLine(erasure: Erasure | undefined, names: Names): Line {
  if (erasure === undefined) return line('info', 'Nothing is to be erased.')
  const { id, texts, kept, ordered, asked } = erasure
  const what = `${counted(texts, 'text')} of `
  const stay =
    kept === 0
      ? []
      : [` What ${kept} ${kept === 1 ? 'record says' : 'records say'} stays, by retention or because it is open.`]
  if (ordered !== null) {
    return line(
      ...(['waiting', strong('Confirmed. '), 'Erasing ', what, person(erasure.person, names), '.', ...stay] as const),
      ...[' I will tell you what came of it.'],
    )
  }
  const who = anyOf(asked.signers, names)
  return line(
    ...(['waiting', strong('One of two. '), 'To erase ', what, person(erasure.person, names), ' (', code(id)] as const),
    ...[') ', ...who, ' must confirm. It cannot be undone.', ...stay],
  )
}

export function declinedLine(id: string): Line {
  return line('info', strong('Declined: '), code(id), '. Nothing has changed.')
}

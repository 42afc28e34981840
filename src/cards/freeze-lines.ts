import { EVERYWHERE } from '../domain/freeze-event.ts'
import type { Freeze } from '../domain/freeze-state.ts'
import type { Line, Span, Text } from '../ports/chat.ts'
import { code, joined, line, type Names, person, strong, text, time, typed } from './text.ts'

/** `prod-db`, or `everything`. */
export function scopeSpan(target: string): Span {
  return target === EVERYWHERE ? { kind: 'text', text: 'everything' } : code(target)
}

/** What a command takes for it. */
export function scopeWord(target: string): string {
  return target === EVERYWHERE ? 'everywhere' : target
}

/** What the freezer hears. */
export function frozenLine(target: string): Line {
  return line(
    ...([
      'alarm',
      strong('Frozen: '),
      scopeSpan(target),
      '. No new access from now on; what is active goes on. ',
    ] as const),
    ...[code(`/access revoke-all`), ' takes it away; ', code(`/access unfreeze ${scopeWord(target)}`), ' lifts this.'],
  )
}

/** What who lifts hears. @param freeze what is left of it: null once it is lifted */
export function liftLine(target: string, freeze: Freeze | null, names: Names): Line {
  if (freeze === null) {
    return line('active', strong('Lifted.'), ' New access to ', scopeSpan(target), ' can be given again.')
  }
  const may = freeze.lift?.signers.map(({ id }) => person(id, names)) ?? []
  return line('waiting', strong('One of two.'), ' It stays frozen until ', ...joined(may, ' or '), ' lifts it too.')
}

/** That something is frozen, who did it, when and why. */
export function frozenText({ target, by, at, reason }: Freeze, names: Names): Text {
  const why = reason === '' ? ['.'] : [': ', typed(reason)]
  return text(strong('Frozen: '), ...frozenBy(target, by, at, names), ...why)
}

/** `prod-db was frozen by Olga at …`, as the beginning of a sentence. */
export function frozenBy(target: string, by: string, at: number, names: Names): Span[] {
  const what = target === EVERYWHERE ? 'Everything' : code(target)
  return [...text(what, ' was frozen by ', person(by, names), ' at ', time(at, 'date-time'))]
}

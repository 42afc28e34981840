import type { ActRefused } from '../domain/grant-event.ts'
import type { Line } from '../ports/chat.ts'
import { line, type Names, person } from './text.ts'

/** In the thread of a card: who tried something there, and was refused. */
export function triedLine({ by, act, code }: ActRefused['data'], names: Names): Line {
  return by === null
    ? line('info', `Somebody unknown tried to ${act}: refused.`)
    : line('info', person(by, names), ` tried to ${act}: refused (${code}).`)
}

import type { Placed } from '../domain/grant-event.ts'
import { KEEPING_STREAM, type KeepingEvent } from '../domain/keeping-event.ts'
import { foldKeeping } from '../domain/keeping-state.ts'
import type { Announcement } from './announcement.ts'
import type { CardContext } from './grant-card.ts'
import { erasureCard, holdCard } from './keeping-card.ts'
import { scopeHeld } from './keeping-lines.ts'
import { code, line, people, person } from './text.ts'

/**
 * Whoever may be the second gets a card with its buttons, and whoever asked hears what came of it. In person alone: that
 * somebody is under a hold, or asked to be forgotten, is nobody's business in a channel.
 */
export function announceKeeping(events: readonly Placed<KeepingEvent>[], context: CardContext): Announcement[] {
  const state = foldKeeping(events)
  const { names } = context
  const cards = [...state.holds.values(), ...state.erasures.values()].flatMap((motion): Announcement[] => {
    const message = 'person' in motion ? erasureCard(motion, state.seq, context) : holdCard(motion, state.seq, context)
    const lift = 'lift' in motion ? motion.lift : null
    const to = (about: string, id: string): Announcement => ({
      ...{ key: `${KEEPING_STREAM}:${motion.id}:${about}:${id}`, to: { kind: 'person', identity: id } },
      ...{ message, priority: motion.over === null ? 1 : 3 },
    })
    return [
      ...motion.asked.signers.map(({ id }) => to('signer', id)),
      ...(lift?.signers ?? []).map(({ id }) => to(`lift:${lift?.at}`, id)),
    ]
  })
  const lines = events.flatMap((event): Announcement[] => {
    const tell = (identity: string | undefined, message: Announcement['message']): Announcement[] =>
      identity === undefined
        ? []
        : [{ key: `${KEEPING_STREAM}:told:${event.seq}`, to: { kind: 'person', identity }, message, priority: 1 }]
    switch (event.type) {
      case 'hold.placed':
      case 'hold.lifted': {
        const hold = state.holds.get(event.data.hold)
        if (hold === undefined) return []
        const words = event.type === 'hold.placed' ? ' is held, by ' : ' is held no more, lifted by '
        const [first, second] = event.data.by
        return tell(
          first,
          line(
            'done',
            code(hold.id),
            ': ',
            scopeHeld(hold.scope, names),
            words,
            ...people([first, second], names),
            '.',
          ),
        )
      }
      case 'erasure.carried-out': {
        const erasure = state.erasures.get(event.data.erasure)
        if (erasure === undefined) return []
        const { texts, kept } = event.data
        const stay = kept === 0 ? '.' : `; what ${kept} records say stays, and the record says why.`
        return tell(
          erasure.asked.by,
          line('done', code(erasure.id), `: ${texts} texts of `, person(erasure.person, names), ` are erased${stay}`),
        )
      }
      case 'keeping.declined': {
        const motion = state.holds.get(event.data.id) ?? state.erasures.get(event.data.id)
        if (motion === undefined || motion.asked.by === event.data.by) return []
        return tell(
          motion.asked.by,
          line('refused', code(motion.id), ' was declined by ', person(event.data.by, names), '.'),
        )
      }
      case 'hold.asked':
      case 'hold.lift-asked':
      case 'erasure.asked':
      case 'erasure.ordered':
        return []
      default:
        return event satisfies never
    }
  })
  return [...cards, ...lines]
}

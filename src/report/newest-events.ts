import { recordLine } from '../cards/record-line.ts'
import type { Names } from '../cards/text.ts'
import type { Db } from '../db/transaction.ts'
import type { Text } from '../ports/chat.ts'
import { eventsSince, recordStatus, type SeenEvent } from '../record/watch.ts'
import type { Witnessed } from '../record/witnessed.ts'

/** How many events the live pane shows. */
const SHOWN = 60

/** The newest of the record, and how far it is sealed and witnessed. For eyes: nothing is proved here. */
export async function newestEvents(db: Db, witnessed: Witnessed, names: Names): Promise<NewestEvents> {
  const [events, status, notes] = await Promise.all([
    eventsSince(db, { after: null, limit: SHOWN }),
    recordStatus(db),
    witnessed.newest(),
  ])
  const sizes = notes.map((note) => note?.checkpoint.size ?? null)
  const covered = Math.min(...sizes.map((size) => size ?? 0))
  return {
    checkpoint:
      status.checkpoint === null
        ? null
        : { size: status.checkpoint.size, root: status.checkpoint.root, signedAt: status.checkpoint.at },
    witnesses: witnessed.witnesses.map(({ name, strength }, index) => ({ name, strength, size: sizes[index] ?? null })),
    events: events.reverse().map((event) => ({
      id: `${event.stream}#${event.seq}`,
      leafIndex: event.leafIndex,
      what: whatOf(event, names),
      at: event.at,
      seal: event.leafIndex === null ? 'unsealed' : event.leafIndex < covered ? 'witnessed' : 'sealed',
    })),
  }
}

/** Free texts are not opened for the pane: only that there is one. */
function whatOf({ stream, seq, type, at, body }: SeenEvent, names: Names): Text {
  const { data } = JSON.parse(body) as { data: Record<string, unknown> }
  const shown = Object.entries(data).map(([name, value]) => [name, isSalted(value) ? '(sealed text)' : value])
  return recordLine(stream, { type, seq, at, data: Object.fromEntries(shown) }, names)
}

function isSalted(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'salted' in value
}

export interface NewestEvents {
  readonly checkpoint: { readonly size: number; readonly root: string; readonly signedAt: number } | null
  readonly witnesses: readonly {
    readonly name: string
    readonly strength: 'weak' | 'independent'
    readonly size: number | null
  }[]
  /** Newest first. */
  readonly events: readonly {
    readonly id: string
    readonly leafIndex: number | null
    readonly what: Text
    readonly at: number
    readonly seal: 'unsealed' | 'sealed' | 'witnessed'
  }[]
}

import { declinedLine } from '../cards/keeping-lines.ts'
import { redactedLine, redactionLine } from '../cards/redaction-card.ts'
import type { Tx } from '../db/transaction.ts'
import {
  decideNoRedaction,
  decideRedaction,
  decideRedactionAsked,
  findRedaction,
  type Redactable,
  type Redacting,
  type Redaction,
} from '../domain/decide-redaction.ts'
import { grantStream, type Placed, readGrantId } from '../domain/grant-event.ts'
import { whyNotErased } from '../domain/may-erase.ts'
import { isRefused, type Refused, refuse } from '../domain/refusal.ts'
import { cardOfThread, readLineId, type TextsRedacted, type ThreadEvent, threadStream } from '../domain/thread-event.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { eraseTexts } from '../record/private-texts.ts'
import type { RecordedEvent } from '../record/recorded-event.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { loadGrant, readable, toDraft } from './grant-store.ts'
import { keptBeside } from './keep-beside.ts'
import { holdsForRemoval, keptOf } from './keeping-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { lockThread } from './thread-roots.ts'

/*
 * Two persons erase the text of one line of a thread, or what was given as reasons for one grant. The events stay, with their
 * salted hashes; the words go, with their salts. A hold prevents it; retention does not: what should never have been written down
 * need not be kept for years.
 */

/** `/access redact T-7K3QF2M9 why`: the first of two. When another one has asked, the second. */
export function redactLine(context: Context, act: Act, words: { said: string; reason: string }): Promise<Answer> {
  return perform(context, act, words.said, async (performing, found) => {
    const redacting = redactingOf(performing)
    const { pending } = found
    if (pending !== null && pending.data.by !== redacting.by) return confirm(context, performing, found, pending)
    if (pending !== null) {
      return { answer: { kind: 'line', line: redactionLine(pending.data, namesOf(context)) } }
    }
    const facts = decideRedactionAsked(found, words.reason, redacting)
    if (isRefused(facts)) return facts
    const held = await whyHeld(context, performing, found)
    if (held !== null) return held
    await append(context, performing, found, facts)
    const [asked] = facts
    if (asked?.type !== 'thread.redaction-asked') throw new Error('nothing was asked')
    return { answer: { kind: 'line', line: redactionLine(asked.data, namesOf(context)) } }
  })
}

/** The buttons of its card. */
export function decideOnRedaction(
  context: Context,
  act: Act,
  said: string,
  what: 'confirm' | 'decline',
): Promise<Answer> {
  return perform(context, act, said, async (performing, found) => {
    const { pending } = found
    if (pending === null) return refuse({ code: 'nothing-to-redact', line: found.line })
    if (what === 'confirm') return confirm(context, performing, found, pending)
    const facts = decideNoRedaction(found, pending, redactingOf(performing))
    if (isRefused(facts)) return facts
    await append(context, performing, found, facts)
    return { answer: { kind: 'line', line: declinedLine(found.line) } }
  })
}

function perform(
  context: Context,
  act: Act,
  said: string,
  run: (performing: Performing, found: Found) => Promise<Performed>,
): Promise<Answer> {
  return performAct(context, act, {
    name: 'erase a text',
    decides: true,
    run: async (performing) => {
      const thread = await findStream(context, performing.tx, said)
      if (thread === null) return refuse({ code: 'unknown-line', said: said.slice(0, 64) })
      await lockThread(performing.tx, thread.stream)
      return run(performing, await findTexts(context, performing, thread))
    },
  })
}

async function confirm(context: Context, performing: Performing, found: Found, asked: Redaction): Promise<Performed> {
  const { tx, now } = performing
  const facts = decideRedaction(found, asked, redactingOf(performing))
  if (isRefused(facts)) return facts
  const held = await whyHeld(context, performing, found)
  if (held !== null) return held
  await append(context, performing, found, facts)
  const texts = found.events.map(({ stream, seq, texts }) => ({ stream, seq, paths: Object.keys(texts) }))
  const by = [asked.data.by, performing.by.id]
  const fact: TextsRedacted = { type: 'texts.erased', data: { redaction: found.line, by, texts } }
  const [said] = await context.record.append(tx, found.stream, null, [fact], now)
  if (said === undefined) throw new Error('an append returned nothing')
  await eraseTexts(tx, said.hash)
  // What we showed of it ourselves is drawn anew from the record, without the words.
  await context.enqueue(tx, { kind: 'announce', stream: found.shown })
  return { answer: { kind: 'line', line: redactedLine(found.line, found.isGrant) } }
}

async function append(
  context: Context,
  { tx, now }: Performing,
  { stream }: Found,
  facts: readonly ThreadEvent[],
): Promise<void> {
  await context.record.append(tx, stream, null, facts.map(toDraft), now)
  await context.enqueue(tx, { kind: 'announce', stream })
}

interface Thread {
  readonly line: string
  readonly stream: string
  /** What the card of the thread shows. */
  readonly shown: string
  readonly isGrant: boolean
}

async function findStream(context: Context, tx: Tx, said: string): Promise<Thread | null> {
  const line = readLineId(said)
  if (line !== null) {
    const rows = await tx<{ stream: string }[]>`
      select distinct stream from thread_line where line = ${line} and not differs`
    const [row] = rows
    const shown = row === undefined || rows.length > 1 ? null : cardOfThread(row.stream)
    return row === undefined || shown === null ? null : { line, stream: row.stream, shown, isGrant: false }
  }
  const grant = /^G-/iu.test(said) ? readGrantId(said) : null
  if (grant === null || (await loadGrant(context, tx, grant)) === null) return null
  const shown = grantStream(grant)
  return { line: grant, stream: threadStream(shown), shown, isGrant: true }
}

interface Found extends Thread, Redactable {
  readonly pending: Redaction | null
  /** Those of which texts are still there. */
  readonly events: readonly RecordedEvent[]
}

async function findTexts(context: Context, { tx, now }: Performing, thread: Thread): Promise<Found> {
  const recorded = await context.record.readStream(tx, thread.stream)
  const about = thread.isGrant
    ? await context.record.readStream(tx, thread.shown)
    : recorded.filter(({ type, data }) => LINES.includes(type) && data.line === thread.line)
  const [first] = about
  const events = about.filter(({ texts }) => Object.keys(texts).length > 0)
  return {
    ...{ ...thread, events, texts: events.reduce((sum, { texts }) => sum + Object.keys(texts).length, 0) },
    author: typeof first?.data.by === 'string' ? first.data.by : null,
    persons: personsIn(thread.isGrant ? [...events, ...about.slice(0, 1)] : events),
    pending: findRedaction(
      recorded.map((event): Placed<ThreadEvent> => readable<ThreadEvent>(event)),
      thread.line,
      now,
    ),
  }
}

/** Who wrote it, and for whom: a machine's is its owner's, who asked. */
function personsIn(events: readonly RecordedEvent[]): string[] {
  const named = events.flatMap(({ data }) => [data.by, data.for]).flat()
  return [...new Set(named.filter((one) => typeof one === 'string'))]
}

const LINES: readonly string[] = ['thread.written', 'thread.edited']

/** From the record, in the transaction that would erase: nobody can ask for a hold until it has ended. */
async function whyHeld(context: Context, { tx, now, policy }: Performing, found: Found): Promise<Refused | null> {
  const holds = await holdsForRemoval(context, tx, now)
  const ofGrant = (await keptOf(context, tx, [found.shown], policy)).get(found.shown)
  const kept = ofGrant ?? (await keptBeside(context, tx, found.shown, policy))
  const persons = [...kept.persons, ...found.persons]
  const why = whyNotErased({ ...kept, persons }, holds, now)
  return why?.because === 'held' ? refuse({ code: 'held', hold: why.hold }) : null
}

function redactingOf({ by, policy, now }: Performing): Redacting {
  return { by: by.id, assurance: 'click-only', policy, now }
}

import { type Act, type Answer, type Card, ChatError, type Desk, type Line } from '../../ports/chat.ts'
import type { Clock } from '../../ports/clock.ts'
import { inTime, LATE } from '../in-time.ts'
import { plainWords } from '../plain-words.ts'
import type { Outgoing } from './outgoing.ts'
import type { Received, What, Where } from './read-activity.ts'
import { type Dialog, renderAnswerDialog, renderForm, renderFormOpener } from './render-form.ts'
import { CARD_TYPE, hasOwnView, renderMessage, renderOwnView, type TeamsMessage } from './render-message.ts'
import type { Json, Rendering } from './render-text.ts'

export interface ActsOptions {
  readonly desk: Desk
  readonly outgoing: Outgoing
  readonly clock: Clock
  readonly rendering: Rendering
  /** A client waits no longer than this for what a button or a dialog answers. Milliseconds. */
  readonly answerWithinMs: number
  readonly onFault: (what: string, error: unknown) => void
}

export interface Acts {
  /** Never fails. @returns the body that an invoke is answered with; null for what is no invoke */
  take(received: Received): Promise<Json | null>
  /** Waits for the answers that are still on their way. */
  settle(): Promise<void>
}

type Commanded = Extract<What, { kind: 'command' }>
type Pressed = Extract<What, { kind: 'press' }>

/** An answer that Teams does not take at once is tried this often; a repeat of the act tries again. */
const MOST_TRIES = 3
/** Many who ask at once are answered one after the other, within what Teams takes from a bot. */
const LONGEST_WAIT_MS = 60_000
const MESSAGE_TYPE = 'application/vnd.microsoft.activity.message'

/** Turns what came in from Teams into calls of the desk. Whatever comes in, an answer goes out. */
export function createActs({ desk, outgoing, clock, rendering, answerWithinMs, onFault }: ActsOptions): Acts {
  const underWay = new Set<Promise<unknown>>()

  return {
    async take({ where, what }) {
      try {
        return await answer(where, what)
      } catch (error) {
        onFault('teams: an act failed', error)
        return isCommand(what) ? null : refusal(what, BROKEN)
      }
    },
    async settle() {
      while (underWay.size > 0) await Promise.allSettled(underWay)
    },
  }

  async function answer(where: Where, what: What): Promise<Json | null> {
    switch (what.kind) {
      case 'nothing':
        return null
      case 'unreadable':
        return refusal(what, NOT_UNDERSTOOD)
      case 'command': {
        const performing = desk.command(what.act, what.text, where.heard.channel)
        void behind(performing.then((given) => reply(where, what, given)))
        // Teams sends again what is not taken within about fifteen seconds; the answer is a message of its own.
        await inTime(
          performing.catch(() => null),
          answerWithinMs,
        )
        return null
      }
      case 'press':
        return pressed(what, desk.press(what.act, what.press))
      case 'refresh': {
        const view = await desk.command(what.act, `status ${what.request}`, null)
        return view.kind === 'card' ? cardBody(renderOwnView(view.card, null, rendering)) : words(wordsOf(view))
      }
      case 'open-form':
        return dialogOf(what.act, desk.command(what.act, what.text, null), dialogWith)
      case 'press-for-form':
        return dialogOf(what.act, desk.press(what.act, what.press), dialogWith)
      case 'submit': {
        const performing = desk.submit(what.act, what.submission)
        return dialogOf(what.act, performing, (given) => submitted(given, what))
      }
      default:
        return what satisfies never
    }
  }

  async function pressed({ act, press }: Pressed, performing: Promise<Answer>): Promise<Json> {
    const given = await inTime(performing, answerWithinMs)
    if (given === LATE) {
      follow(act, performing)
      return words(STILL_WORKING)
    }
    if (given.kind === 'form') return words(FORM_ELSEWHERE)
    if (given.kind === 'card' || holdsLink(given.line)) return words(await inPerson(act, wordsOf(given)))
    if (given.line.tone === 'refused' || given.line.tone === 'alarm') return words(given.line)
    if (!hasOwnView(press.action)) return words(given.line)
    const view = await desk.command({ ...act, key: `${act.key}:view` }, `status ${press.request}`, null)
    return view.kind === 'card' ? cardBody(renderOwnView(view.card, given.line, rendering)) : words(given.line)
  }

  /** What leads to a secret is shown to that person alone, whoever else sees the card. */
  async function inPerson(act: Act, said: Card | Line): Promise<Line> {
    const message = renderMessage(said, rendering)
    try {
      const sent = await inTime(toPerson(act, message), answerWithinMs)
      return sent === LATE ? ON_ITS_WAY : IN_OUR_CHAT
    } catch (error) {
      if (!isFinal(error)) {
        void behind(deliver(() => toPerson(act, message)))
        return ON_ITS_WAY
      }
      onFault('teams: an answer could not be given in person', error)
      return NO_CHAT
    }
  }

  async function dialogOf(act: Act, performing: Promise<Answer>, show: (given: Answer) => Dialog): Promise<Json> {
    const given = await inTime(performing, answerWithinMs)
    if (given !== LATE) return { ...show(given) }
    follow(act, performing)
    return { ...renderAnswerDialog(STILL_WORKING, rendering) }
  }

  function dialogWith(given: Answer): Dialog {
    if (given.kind === 'form') return renderForm(given.form, rendering)
    return renderAnswerDialog(wordsOf(given), rendering)
  }

  /** A refusal stands above the fields and leaves what was written; anything else takes the form's place. */
  function submitted(given: Answer, { form, submission }: Extract<What, { kind: 'submit' }>): Dialog {
    const isRefused = given.kind === 'line' && given.line.tone === 'refused'
    if (!isRefused || form === null) return dialogWith(given)
    return renderForm(form, rendering, given.line, submission.values)
  }

  /** What comes too late for the client follows in the chat with that person. */
  function follow(act: Act, performing: Promise<Answer>): void {
    void behind(performing.then((given) => deliver(() => toPerson(act, messageOf(given, '')))))
  }

  /** To a command: in the same place, for that person alone; where Teams does not do that, in their own chat. */
  async function reply(where: Where, { act, text }: Commanded, given: Answer): Promise<void> {
    const message = messageOf(given, text)
    await deliver(async () => {
      const person = where.heard.person
      if (where.isPersonal || person === null || leadsAway(given)) return toPerson(act, message)
      const { tenant, serviceUrl } = where.heard
      const to = { userId: person.userId, answers: where.targeted }
      const shared = { place: { tenant, serviceUrl }, conversation: where.conversation, to }
      try {
        return await outgoing.whisper(shared, answerKey(act), message)
      } catch (error) {
        if (!isFinal(error)) throw error
        return toPerson(act, message)
      }
    })
  }

  function toPerson(act: Act, message: TeamsMessage): Promise<unknown> {
    return outgoing.say({ kind: 'person', account: act.account }, answerKey(act), message)
  }

  async function deliver(send: () => Promise<unknown>): Promise<void> {
    const until = clock.now() + LONGEST_WAIT_MS
    for (let tries = 1; ; ) {
      try {
        await send()
        return
      } catch (error) {
        if (!(error instanceof ChatError && error.code === 'throttled')) tries++
        const waitMs = error instanceof ChatError ? (error.retryAfterMs ?? 500 * tries) : null
        if (waitMs === null || isFinal(error) || tries > MOST_TRIES || clock.now() + waitMs > until) {
          return onFault('teams: an answer could not be given', error)
        }
        await new Promise<void>((resolve) => clock.runAt(clock.now() + waitMs, resolve))
      }
    }
  }

  function behind(work: Promise<void>): Promise<void> {
    const safe = work.catch((error: unknown) => onFault('teams: an act failed', error))
    underWay.add(safe)
    return safe.finally(() => underWay.delete(safe))
  }

  function messageOf(given: Answer, text: string): TeamsMessage {
    if (given.kind === 'form') return { summary: given.form.title, card: renderFormOpener(given.form, text) }
    return renderMessage(wordsOf(given), rendering)
  }

  function wordsOf(given: Answer): Card | Line {
    if (given.kind === 'form') return FORM_ELSEWHERE
    return given.kind === 'card' ? given.card : given.line
  }

  /** Words beside the card, which stays as it is. */
  function words(said: Card | Line): Json {
    const text = 'title' in said ? said.title : plainWords(said.text, rendering.timeZone)
    return { statusCode: 200, type: MESSAGE_TYPE, value: text }
  }

  function refusal(what: What, said: Line): Json | null {
    const isDialog = what.kind === 'open-form' || what.kind === 'press-for-form' || what.kind === 'submit'
    if (isDialog || (what.kind === 'unreadable' && what.asks === 'dialog')) {
      return { ...renderAnswerDialog(said, rendering) }
    }
    return what.kind === 'nothing' ? null : words(said)
  }
}

/** Teams said no, and will say it again. */
function isFinal(error: unknown): boolean {
  return error instanceof ChatError && (error.code === 'refused' || error.code === 'not-found')
}

/** A link of ours leads to what its reader alone may see: it is never put where others are. */
function holdsLink(said: Card | Line): boolean {
  const texts = 'title' in said ? [...said.facts.map(({ value }) => value), ...said.body, said.footer] : [said.text]
  return texts.flat().some(({ kind }) => kind === 'link')
}

function leadsAway(given: Answer): boolean {
  return given.kind !== 'form' && holdsLink(given.kind === 'card' ? given.card : given.line)
}

function cardBody(card: Json): Json {
  return { statusCode: 200, type: CARD_TYPE, value: card }
}

/** A repeat of the act finds its answer given. */
function answerKey(act: Act): string {
  return `answer:${act.key}`
}

function isCommand(what: What): boolean {
  return what.kind === 'command' || what.kind === 'nothing'
}

function ours(tone: Line['tone'], text: string): Line {
  return { tone, text: [{ kind: 'text', text }] }
}

const NOT_UNDERSTOOD = ours(
  'refused',
  'I did not understand what Teams sent, and nothing was decided. Try again, or write help to me.',
)
const BROKEN = ours('alarm', 'Something went wrong on our side. Nothing was decided; try again.')
const STILL_WORKING = ours('waiting', 'Still working on it. The answer follows in our chat.')
const IN_OUR_CHAT = ours('info', 'I wrote it to you, in our chat.')
const ON_ITS_WAY = ours('waiting', 'I am writing it to you, in our chat.')
const NO_CHAT = ours(
  'refused',
  'I cannot write to you alone. Add the app for yourself (Apps, Countersign, Add), then press again.',
)
const FORM_ELSEWHERE = ours('refused', 'This needs a few words first. Press the button again, or write help to me.')

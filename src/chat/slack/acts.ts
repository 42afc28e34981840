import type { webApi } from '@slack/bolt'
import type { Answer, Card, Desk, Form, Line } from '../../ports/chat.ts'
import { inTime, LATE } from '../in-time.ts'
import { cutTo, plainWords } from '../plain-words.ts'
import { type Read, readCommand, readPress, readSubmission } from './payloads.ts'
import { renderAnswerView, renderForm } from './render-form.ts'
import { renderMessage } from './render-message.ts'
import type { Rendering } from './render-text.ts'

/** What came in, as Bolt hands it over: signed, and otherwise not to be trusted in any part. */
export interface Incoming {
  readonly body: unknown
  /** When Slack sent it, epoch ms by its clock, where the signature covers that. */
  readonly sentAt?: number
  /** Lets the response leave. @throws when it has left already */
  readonly ack: (response?: object) => Promise<void>
  /** Says something to the person alone, later. Missing where Slack gives no way. */
  readonly respond?: (message: object) => Promise<unknown>
}

export interface ActsOptions {
  readonly desk: Desk
  readonly client: webApi.WebClient
  readonly rendering: Rendering
  readonly answerWithinMs: number
  readonly onFault: (what: string, error: unknown) => void
}

export interface Acts {
  command(incoming: Incoming): Promise<void>
  press(incoming: Incoming): Promise<void>
  submit(incoming: Incoming): Promise<void>
  /** Whatever nobody listens for. */
  other(incoming: Incoming): Promise<void>
  /** Waits for the answers that are still on their way. */
  settle(): Promise<void>
}

const COMMAND = '/access'
const LONGEST_FORM_ERROR = 1_000

/** Turns what came in from Slack into calls of the desk. Whatever comes in, an answer goes out. */
export function createActs({ desk, client, rendering, answerWithinMs, onFault }: ActsOptions): Acts {
  const underWay = new Set<Promise<unknown>>()

  return {
    command: tracked(async (incoming) => {
      const read = readCommand(incoming.body, incoming.sentAt)
      if (read === null) return incoming.ack(whisper(NOT_UNDERSTOOD))
      const { act, what, channel } = read
      if (what.command !== COMMAND) return incoming.ack(whisper(unknownCommand(what.command)))
      const performing = desk.command(act, what.text, channel).then((answer) => wordsFor(answer, read))
      const words = await inTime(performing, answerWithinMs)
      if (words !== LATE) return incoming.ack(words === null ? undefined : whisper(words))
      await incoming.ack(whisper(STILL_WORKING))
      await say(incoming, read, await performing)
    }),
    press: tracked(async (incoming) => {
      const read = readPress(incoming.body, incoming.sentAt)
      if (read === null) return unreadable(incoming)
      const performing = desk.press(read.act, read.what).then((answer) => wordsFor(answer, read))
      await inTime(performing, answerWithinMs)
      await incoming.ack()
      await say(incoming, read, await performing)
    }),
    submit: tracked(async (incoming) => {
      const read = readSubmission(incoming.body, incoming.sentAt)
      if (read === null) return incoming.ack({ response_action: 'update', view: viewOf(NOT_UNDERSTOOD) })
      const performing = desk.submit(read.act, read.what)
      const answer = await inTime(performing, answerWithinMs)
      if (answer !== LATE) return incoming.ack(formResponse(answer, read.fields))
      await incoming.ack({ response_action: 'update', view: viewOf(STILL_WORKING) })
      const view = viewFor(await performing)
      await client.views.update({ view_id: read.view, view }).catch((error: unknown) => {
        onFault('slack: a late answer to a form could not be shown', error)
      })
    }),
    other: tracked(unreadable),
    async settle() {
      await Promise.allSettled(underWay)
    },
  }

  function tracked(take: (incoming: Incoming) => Promise<void>): (incoming: Incoming) => Promise<void> {
    return async (incoming) => {
      const taking = take(incoming)
      underWay.add(taking)
      try {
        await taking
      } finally {
        underWay.delete(taking)
      }
    }
  }

  async function unreadable(incoming: Incoming): Promise<void> {
    await incoming.ack()
    await say(incoming, null, NOT_UNDERSTOOD)
  }

  /** Opens a form at once, while Slack still lets us. @returns what is to be said; null when the form says it all */
  async function wordsFor(answer: Answer, { trigger }: Read<unknown>): Promise<Card | Line | null> {
    if (answer.kind !== 'form') return answer.kind === 'card' ? answer.card : answer.line
    if (trigger !== null && (await open(answer.form, trigger))) return null
    return FORM_NOT_OPENED
  }

  async function open(form: Form, trigger: string): Promise<boolean> {
    try {
      await client.views.open({ trigger_id: trigger, view: renderForm(form) })
      return true
    } catch (error) {
      onFault('slack: a form could not be opened', error)
      return false
    }
  }

  /** Through the way that Slack gave with the act; failing that, as a message that only they see. */
  async function say(incoming: Incoming, read: Read<unknown> | null, words: Card | Line | null): Promise<void> {
    if (words === null) return
    try {
      if (incoming.respond === undefined) throw new Error('Slack gave no way to answer')
      await incoming.respond({ ...whisper(words), replace_original: false })
    } catch (error) {
      const channel = read?.channel ?? null
      if (read === null || channel === null) return onFault('slack: an answer could not be given', error)
      const { text, blocks } = renderMessage(words, rendering)
      const message = { channel, user: read.act.account.id, text, blocks }
      await client.chat.postEphemeral(message).catch((second: unknown) => {
        onFault('slack: an answer could not be given', second)
      })
    }
  }

  /** A refusal goes beside the fields and leaves what was written; anything else takes the form's place. */
  function formResponse(answer: Answer, fields: readonly string[]): object {
    const field = fields.at(-1)
    if (answer.kind === 'line' && answer.line.tone === 'refused' && field !== undefined) {
      const words = cutTo(plainWords(answer.line.text, rendering.timeZone), LONGEST_FORM_ERROR)
      return { response_action: 'errors', errors: { [field]: words } }
    }
    return { response_action: 'update', view: viewFor(answer) }
  }

  function viewFor(answer: Answer) {
    if (answer.kind === 'form') return renderForm(answer.form)
    return viewOf(answer.kind === 'card' ? answer.card : answer.line)
  }

  function viewOf(words: Card | Line) {
    return renderAnswerView(words, rendering)
  }

  function whisper(words: Card | Line) {
    return { response_type: 'ephemeral', ...renderMessage(words, rendering), unfurl_links: false, unfurl_media: false }
  }
}

function ours(tone: Line['tone'], text: string): Line {
  return { tone, text: [{ kind: 'text', text }] }
}

const NOT_UNDERSTOOD = ours(
  'refused',
  'I did not understand what Slack sent, and nothing was decided. Try again, or write /access help.',
)
const STILL_WORKING = ours('waiting', 'Still working on it. The answer follows here.')
const FORM_NOT_OPENED = ours(
  'refused',
  'The form could not be opened in time, and nothing was decided. Try again, or write it in one line: /access help shows how.',
)

function unknownCommand(command: string): Line {
  return {
    tone: 'refused',
    text: [
      { kind: 'text', text: 'I do not know ' },
      { kind: 'typed', text: command },
      { kind: 'text', text: `. I answer to ${COMMAND}: write ${COMMAND} help.` },
    ],
  }
}

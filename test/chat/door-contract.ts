import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Account, Act, Answer, Card, Desk, Form } from '../../src/ports/chat.ts'
import { code, line, text } from './example-cards.ts'

/** The incoming half of a platform, and somebody who uses it as its people do. */
export interface DoorUnderTest {
  accountOf(who: Who): Account
  /** @param id names the act: a platform sends again what it is not sure of @returns what they read, for their eyes */
  command(who: Who, words: string, id: string): Promise<string>
  press(who: Who, action: string, request: string): Promise<string>
  /** Presses a button that opens a form, or gives the bare command where `action` is null. */
  openForm(who: Who, action: string | null, request: string): Promise<OpenForm>
  stop(): Promise<void>
}

export interface OpenForm {
  readonly title: string
  /** Fills it in and sends it. @returns what they read then */
  send(values: Readonly<Record<string, string>>): Promise<string>
}

export type Who = 'ana' | 'ben'

/** What every adapter of the incoming half of chat does alike, story by story. */
export function describeDoor(name: string, open: (desk: Desk) => Promise<DoorUnderTest>): void {
  describe(`${name} as a door`, () => {
    let it: DoorUnderTest
    const { desk, heard } = createKeepingDesk()
    const last = () => heard.at(-1)

    beforeAll(async () => {
      it = await open(desk)
    })
    afterAll(() => it?.stop())

    test('a command reaches the desk as it was typed, by the account of who typed it, and is answered to them', async () => {
      const typed = 'prod-db 2h fix <ledger> & "books" **now** INC-42'
      expect(await it.command('ana', typed, 'one')).toContain('heard prod-db')
      expect(last()?.act.account).toEqual(it.accountOf('ana'))
      expect(last()?.what).toMatchObject({ text: typed })
      await it.command('ben', 'mine', 'two')
      expect(last()?.act.account).toEqual(it.accountOf('ben'))
    })

    test('what is sent again is the same act; the same words by another person, or again later, are another', async () => {
      const keyAfter = async (who: Who, id: string) => {
        await it.command(who, 'list', id)
        return last()?.act.key
      }
      const first = await keyAfter('ana', 'again')
      expect(await keyAfter('ana', 'again')).toBe(first)
      expect(new Set([first, await keyAfter('ben', 'his own'), await keyAfter('ana', 'later')]).size).toBe(3)
    })

    test('an answer of a card shows its title and its lines', async () => {
      const words = await it.command('ana', 'help', 'help')
      for (const shown of ['What I understand', '/access list', 'what you may ask for']) expect(words).toContain(shown)
    })

    test('a press reaches the desk with what stood on the button, and its answer is shown', async () => {
      expect(await it.press('ben', 'done', 'G-7K3QF0')).toContain('heard done')
      // A platform may look at the card afterwards; it presses once.
      const pressed = heard.filter(({ what }) => what.action === 'done')
      expect(pressed).toMatchObject([{ what: { action: 'done', request: 'G-7K3QF0', revision: 1 } }])
      expect(pressed[0]?.act.account).toEqual(it.accountOf('ben'))
    })

    test('a press that is refused says why to who pressed', async () => {
      expect(await it.press('ana', 'refuse-me', 'G-7K3QF0')).toContain('nobody signs for themselves')
    })

    test('a button opens its form, and what is written in it comes back with what the form carried', async () => {
      const form = await it.openForm('ben', 'deny', 'G-7K3QF0')
      expect(form.title).toBe('Deny the request')
      expect(await form.send({ reason: 'not in this *freeze* <now>' })).not.toContain('a reason is needed')
      expect(last()?.what).toEqual({
        ...{ form: 'deny', context: { request: 'G-7K3QF0' } },
        values: { reason: 'not in this *freeze* <now>' },
      })
    })

    test('a form that is refused says what is wrong', async () => {
      const form = await it.openForm('ben', 'deny', 'G-7K3QF0')
      expect(await form.send({ reason: 'no' })).toContain('a reason is needed')
    })

    test('the bare command leads to the form', async () => {
      const form = await it.openForm('ana', null, '')
      expect(form.title).toBe('Deny the request')
      await form.send({ reason: 'by the bare command' })
      expect(last()?.what).toMatchObject({ values: { reason: 'by the bare command' } })
    })
  })
}

/** Keeps what it hears, and answers by it. */
function createKeepingDesk(): { desk: Desk; heard: { act: Act; what: Record<string, unknown> }[] } {
  const heard: { act: Act; what: Record<string, unknown> }[] = []
  const keep = (act: Act, what: object, answer: Answer) => {
    heard.push({ act, what: { ...what } })
    return Promise.resolve(answer)
  }
  const desk: Desk = {
    command(act, words, channel) {
      const form: Answer = { kind: 'form', form: FORM }
      const said = words === 'help' ? ({ kind: 'card', card: HELP } as const) : saying('info', `heard ${words}`)
      return keep(act, { text: words, channel }, words === '' ? form : said)
    },
    press(act, press) {
      if (press.action === 'deny') return keep(act, press, { kind: 'form', form: FORM })
      if (press.action === 'refuse-me') return keep(act, press, saying('refused', 'Here nobody signs for themselves.'))
      return keep(act, press, saying('done', `heard ${press.action}`))
    },
    submit(act, submission) {
      const isShort = (submission.values.reason ?? '').length < 3
      return keep(
        act,
        submission,
        saying(isShort ? 'refused' : 'done', isShort ? 'Here a reason is needed.' : 'Denied.'),
      )
    },
  }
  return { desk, heard }
}

function saying(tone: 'info' | 'done' | 'refused', words: string): Answer {
  return { kind: 'line', line: line(tone, words) }
}

const HELP: Card = {
  ...{ tone: 'info', title: 'What I understand', badge: null, facts: [], buttons: [], footer: [] },
  body: [[code('/access list'), text(' what you may ask for')]],
}

const FORM: Form = {
  ...{ id: 'deny', title: 'Deny the request', submitLabel: 'Deny', context: { request: 'G-7K3QF0' } },
  fields: [
    {
      ...{ name: 'reason', label: 'Why?', hint: null, kind: 'long-text', required: true, maxLength: 500 },
      ...{ initial: null, options: [] },
    },
  ],
}

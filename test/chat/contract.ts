import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Account, type Card, type Chat, ChatError, type Line, type MessageRef } from '../../src/ports/chat.ts'
import { emergencyCards } from './emergency-cards.ts'
import {
  code,
  type ExampleRequest,
  line,
  person,
  removedCard,
  text,
  time,
  typed,
  waitingCard,
} from './example-cards.ts'
import { findingCards } from './finding-cards.ts'
import { identityCards } from './identity-cards.ts'
import { keepingCards } from './keeping-cards.ts'

/** A platform, and the eyes of somebody who reads there. */
export interface ChatUnderTest {
  readonly chat: Chat
  readonly channel: string
  readonly person: Account
  /** Well formed, and nobody's. */
  readonly nobody: Account
  /** The message as a reader finds it; null when there is none. */
  read(ref: MessageRef): Promise<ReadMessage | null>
  /** How many messages a reader of the channel finds that contain these words. */
  count(words: string): Promise<number>
  stop(): Promise<void>
}

export interface ReadMessage {
  /** All that is read, buttons too. */
  readonly words: string
  /** What the platform took for more than words, inside what a person typed: markup, mentions, links. */
  readonly interpreted: readonly string[]
  /** The id of the message whose thread it stands in. */
  readonly root: string | null
}

/** What every adapter of the outgoing half of chat does alike. */
export function describeChat(name: string, open: () => Promise<ChatUnderTest>): void {
  describe(`${name} as a chat`, () => {
    let it: ChatUnderTest
    let posted = 0

    beforeAll(async () => {
      it = await open()
    })
    afterAll(() => it?.stop())

    test('a card in a channel shows its title, badge, facts and buttons', async () => {
      const ref = await toChannel(waitingCard(request({ reason: 'fix ledger INC-42' }), NOON))
      const read = await it.read(ref)
      expect(read?.root).toBeNull()
      for (const words of ['Ana Silva asks for prod-db:read', 'How long', '2h', 'fix ledger INC-42', 'Ben Okafor']) {
        expect(read?.words).toContain(words)
      }
      expect(read?.words).toMatch(/waiting/i)
      for (const label of ['Approve', 'Deny', 'Cancel']) expect(read?.words).toContain(label)
    })

    const cards = [...emergencyCards(NOON), ...findingCards(NOON), ...identityCards(NOON), ...keepingCards(NOON)]
    test.each(cards)('$title: shows what it is about, who does what, and its buttons', async (card) => {
      const read = await it.read(await toChannel(card))
      expect(read?.words).toContain(card.title)
      for (const { label, value } of card.facts) {
        expect(read?.words).toContain(label)
        for (const span of value) {
          const words = span.kind === 'person' ? span.name : span.kind === 'time' ? '' : 'text' in span ? span.text : ''
          expect(read?.words).toContain(words.trim())
        }
      }
      for (const { label } of card.buttons) expect(read?.words).toContain(label)
      expect(read?.interpreted).toEqual([])
    })

    test('a line stands in the thread that it was posted to, with all that it is made of', async () => {
      const root = await toChannel(waitingCard(request({}), NOON))
      const words: Line = line(
        'active',
        person('ben', 'Ben Okafor'),
        ' approved ',
        code('R-1'),
        ' at ',
        time(NOON, 'time'),
      )
      const ref = await it.chat.post({ kind: 'thread', root }, nextKey(), words)
      const read = await it.read(ref)
      expect(read?.root).toBe(root.id)
      expect(read?.words).toMatch(/Ben Okafor.* approved R-1 at \S+/)
    })

    test('a message to a person reaches that person', async () => {
      const ref = await it.chat.post({ kind: 'person', account: it.person }, nextKey(), line('info', 'for you alone'))
      expect((await it.read(ref))?.words).toContain('for you alone')
    })

    test('the same key posts once, also when both tries run at the same time', async () => {
      const key = nextKey()
      const card = { ...waitingCard(request({}), NOON), title: `Once only ${key}` }
      const to = { kind: 'channel', channel: it.channel } as const
      const first = await it.chat.post(to, key, card)
      const [second, third] = await Promise.all([it.chat.post(to, key, card), it.chat.post(to, key, card)])
      expect([second, third]).toEqual([first, first])
      expect(await it.count(`Once only ${key}`)).toBe(1)
    })

    test('an update replaces what is read, where it stands, and leaves no second message', async () => {
      const ref = await toChannel({ ...waitingCard(request({}), NOON), title: 'Before the update' })
      await it.chat.update(ref, { ...removedCard(request({}), 'Ben Okafor', NOON), title: 'After the update' })
      await it.chat.update(ref, { ...removedCard(request({}), 'Ben Okafor', NOON), title: 'After the update' })
      const read = await it.read(ref)
      expect(read?.words).toContain('After the update')
      expect(read?.words).not.toContain('Before the update')
      expect(read?.words).not.toContain('Approve\n')
      expect(await it.count('After the update')).toBe(1)
    })

    test('a thread goes on after its root was updated', async () => {
      const root = await toChannel(waitingCard(request({}), NOON))
      await it.chat.update(root, removedCard(request({}), 'Ben Okafor', NOON))
      const ref = await it.chat.post({ kind: 'thread', root }, nextKey(), line('done', 'after the update'))
      expect((await it.read(ref))?.root).toBe(root.id)
    })

    test('what is not there is a ChatError not-found', async () => {
      const ref = await toChannel(line('info', 'here'))
      const gone = { ...ref, id: UNKNOWN_ID }
      for (const attempt of [
        () => it.chat.update(gone, line('info', 'x')),
        () => it.chat.post({ kind: 'thread', root: gone }, nextKey(), line('info', 'x')),
        () => it.chat.post({ kind: 'channel', channel: '#no-such-channel' }, nextKey(), line('info', 'x')),
        () => it.chat.post({ kind: 'person', account: it.nobody }, nextKey(), line('info', 'x')),
      ]) {
        const error = await attempt().catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(ChatError)
        expect(error).toMatchObject({ code: 'not-found' })
      }
    })

    test.each(MARKUP)('%j is read as it was typed, and does nothing', async (words) => {
      const asFact = await it.read(await toChannel(waitingCard(request({ reason: `see ${words} here` }), NOON)))
      const root = await toChannel(line('info', 'a root'))
      const inLine = await it.read(
        await it.chat.post(
          { kind: 'thread', root },
          nextKey(),
          line('info', text('because '), typed(`see ${words} here`)),
        ),
      )
      for (const read of [asFact, inLine]) {
        expect(read?.words).toContain(`see ${words} here`)
        expect(read?.interpreted).toEqual([])
      }
    })

    test.each(UNSEEN)('U+%s in what was typed is shown, not obeyed', async (hex) => {
      const character = String.fromCodePoint(Number.parseInt(hex, 16))
      const ref = await toChannel(waitingCard(request({ reason: `abc${character}def` }), NOON))
      const words = (await it.read(ref))?.words ?? ''
      expect(words).not.toContain(character)
      expect(words).toContain(`U+${hex}`)
    })

    test('a reason as long as one may be does not lose the message', async () => {
      const ref = await toChannel(waitingCard(request({ reason: `begin ${'very long '.repeat(290)}` }), NOON))
      expect((await it.read(ref))?.words).toContain('begin very long')
    })

    function toChannel(message: Card | Line): Promise<MessageRef> {
      return it.chat.post({ kind: 'channel', channel: it.channel }, nextKey(), message)
    }

    function nextKey(): string {
      posted += 1
      return `contract ${posted}`
    }
  })
}

const NOON = Date.UTC(2026, 10, 23, 12)
const UNKNOWN_ID = '00000000-0000-4000-8000-000000000000'

const MARKUP = [
  '<b>bold</b>',
  '<img src=x onerror=alert(1)>',
  '<script>alert(1)</script>',
  '&lt;b&gt; &amp;',
  '*bold* _italic_ ~gone~ `code`',
  '**bold** [words](https://evil.example)',
  '@here @channel @everyone',
  '<!here> <!channel> <@U123ABC> <#C123ABC>',
  '<https://evil.example|harmless>',
  '<at>Ben Okafor</at>',
  ':rotating_light:',
]

/** Override, isolate, marks, zero widths, joiner outside an emoji, byte order mark, control, filler. */
const UNSEEN = ['202E', '2066', '200F', '061C', '200B', '200D', 'FEFF', '0007', '3164']

function request(changes: Partial<ExampleRequest>): ExampleRequest {
  return {
    id: 'R-7K3QF',
    requester: { id: 'ana', name: 'Ana Silva' },
    entitlement: 'prod-db:read',
    duration: '2h',
    reason: 'fix ledger INC-42',
    approvers: [{ id: 'ben', name: 'Ben Okafor', why: 'her manager' }],
    ...changes,
  }
}

import type { Act, Answer, Card, Chat, Desk, Form, Line, MessageRef, Press, Submission } from '../../src/ports/chat.ts'
import type { Clock } from '../../src/ports/clock.ts'
import {
  activeCard,
  code,
  deniedCard,
  type ExampleRequest,
  line,
  person,
  removedCard,
  strong,
  text,
  time,
  waitingCard,
} from './example-cards.ts'
import { ana, ben, olga, people } from './local-people.ts'

const MINUTE = 60_000

/**
 * A desk that plays the one story of the README: Ana asks, Ben or Olga signs, she connects, it ends. It decides nothing
 * really; it keeps what reached it, and answers a repeated act as it did the first time.
 */
export function createScriptedDesk(clock: Clock): ScriptedDesk {
  const acts: ScriptedDesk['acts'] = []
  const answers = new Map<string, Answer>()
  const stories = new Map<string, Story>()
  let chat: Chat | null = null
  let nextId = 0
  let turn: Promise<unknown> = Promise.resolve()

  return {
    acts,
    join: (given) => {
      chat = given
    },
    command: (act, words, channel) => once(act, { kind: 'command', text: words, channel }, () => command(act, words)),
    press: (act, press) => once(act, { kind: 'press', ...press }, () => pressed(act, press)),
    submit: (act, submission) => once(act, { kind: 'submit', ...submission }, () => submitted(act, submission)),
    end,
    openSession,
    stories,
  }

  async function once(act: Act, what: Record<string, unknown>, perform: () => Promise<Answer>): Promise<Answer> {
    acts.push({ key: act.key, by: act.account.id, ...what })
    // One after the other, as under the request's lock: a card is pressed as soon as it is seen.
    const mine = turn.then(async () => {
      const answer = answers.get(act.key) ?? (await perform())
      answers.set(act.key, answer)
      return answer
    })
    turn = mine.catch(() => null)
    return mine
  }

  async function command(act: Act, words: string): Promise<Answer> {
    if (words === '') return { kind: 'form', form: askForm }
    if (words === 'help') return { kind: 'card', card: helpCard }
    const [target = '', duration = '', ...reason] = words.split(' ')
    return ask(act, target, duration, reason.join(' '))
  }

  async function submitted(act: Act, { form, context, values }: Submission): Promise<Answer> {
    if (form === 'ask') return ask(act, values.target ?? '', values.duration ?? '', values.reason ?? '')
    const story = stories.get(context.request ?? '')
    if (!story) return refused('There is no such request.')
    await update(story, deniedCard(story.request, nameOf(act), values.reason ?? ''))
    await say(story, line('refused', person(act.account.id, nameOf(act)), ' denied it.'))
    return said('done', 'Denied. Ana has been told why.')
  }

  async function ask(act: Act, target: string, duration: string, reason: string): Promise<Answer> {
    if (duration === '6h') return refused('prod-db:write is limited to 2 h; you asked for 6 h. Ask for 2h.')
    const requester = people.find((one) => one.account.id === act.account.id) ?? ana
    const id = `R-${['7K3QF', '9D2XM', '4T8WB', '6H1ZR'][nextId++ % 4]}`
    const request: ExampleRequest = {
      id,
      requester,
      entitlement: target.includes(':') ? target : `${target}:read`,
      duration,
      reason,
      approvers: [
        { id: ben.id, name: ben.name, why: 'her manager' },
        { id: olga.id, name: olga.name, why: 'owns prod-db' },
      ],
    }
    const card = waitingCard(request, clock.now() + 30 * MINUTE)
    const root = await toChat().post({ kind: 'channel', channel: '#access' }, `${id} card`, card)
    const directs: MessageRef[] = []
    for (const approver of [ben, olga]) {
      directs.push(await toChat().post({ kind: 'person', account: approver.account }, `${id} ${approver.id}`, card))
    }
    const story = { request, root, directs, lines: 0, endsAt: null, sessions: 0 }
    stories.set(id, story)
    await say(
      story,
      line('waiting', person(requester.id, requester.name), ' asked. ', text('Waiting for a signature.')),
    )
    return said('waiting', 'Asked. Ben Okafor and Olga Lindqvist have been told.')
  }

  async function pressed(act: Act, press: Press): Promise<Answer> {
    const story = stories.get(press.request)
    if (!story) return refused('There is no such request.')
    switch (press.action) {
      case 'approve':
        return approve(act, story)
      case 'deny':
        return { kind: 'form', form: denyForm(story.request.id) }
      case 'connect':
        return { kind: 'card', card: connectCard(story) }
      case 'done':
        await end(story.request.id)
        return said('done', 'Ended now. It is being looked at.')
      default:
        return refused(`Nothing here answers to ${press.action}.`)
    }
  }

  async function approve(act: Act, story: Story): Promise<Answer> {
    if (act.account.id === story.request.requester.id || act.account.id === `u-${story.request.requester.id}`) {
      return refused('Nobody signs for themselves. Ben Okafor or Olga Lindqvist may sign this.')
    }
    if (story.endsAt !== null) return refused('Already decided: Ben Okafor approved it.')
    story.endsAt = clock.now() + 120 * MINUTE
    await say(story, line('done', person(act.account.id, nameOf(act)), ' approved it as ', strong('her manager'), '.'))
    await say(story, line('done', 'Sealed at leaf 1043 and witnessed by ', code('file'), '. Now access may be given.'))
    await update(story, activeCard(story.request, nameOf(act), story.endsAt))
    await say(
      story,
      line('active', 'Access exists: ', code('cs_7k3qf'), ' until ', time(story.endsAt, 'time-seconds'), '.'),
    )
    return said('active', 'Approved. Your signature is on the record.')
  }

  function openSession(id: string): void {
    const story = stories.get(id)
    if (story) story.sessions += 1
  }

  async function end(id: string): Promise<void> {
    const story = stories.get(id)
    if (!story) return
    story.endsAt = null
    await say(story, line('done', 'New logins refused, 1 session ended, account dropped.'))
    await update(story, removedCard(story.request, ben.name, clock.now()))
    await say(story, line('done', 'Removed, seen to be gone at ', time(clock.now(), 'time-seconds'), '.'))
  }

  async function update(story: Story, card: Card): Promise<void> {
    for (const ref of [story.root, ...story.directs]) await toChat().update(ref, card)
  }

  async function say(story: Story, said: Line): Promise<void> {
    await toChat().post({ kind: 'thread', root: story.root }, `${story.request.id} line ${story.lines++}`, said)
  }

  function toChat(): Chat {
    if (!chat) throw new Error('join() the chat first')
    return chat
  }
}

export interface ScriptedDesk extends Desk {
  /** Every act that arrived, repeats too. */
  readonly acts: ({ key: string; by: string } & Record<string, unknown>)[]
  readonly stories: Map<string, Story>
  join(chat: Chat): void
  /** As the clock would. */
  end(request: string): Promise<void>
  /** Somebody logs in to the target. */
  openSession(request: string): void
}

interface Story {
  readonly request: ExampleRequest
  readonly root: MessageRef
  readonly directs: readonly MessageRef[]
  lines: number
  endsAt: number | null
  sessions: number
}

const askForm: Form = {
  id: 'ask',
  title: 'Ask for access',
  submitLabel: 'Ask',
  context: {},
  fields: [
    {
      name: 'target',
      label: 'What do you need?',
      hint: 'The smallest thing that will do.',
      kind: 'select',
      required: true,
      maxLength: null,
      initial: 'prod-db:read',
      options: [
        { value: 'prod-db:read', label: 'prod-db:read: look at the ledger and payments' },
        { value: 'prod-db:write', label: 'prod-db:write: change them, two signatures' },
      ],
    },
    {
      name: 'duration',
      label: 'For how long?',
      hint: 'Such as 30m, 2h, 1h30m. At most 4h.',
      kind: 'text',
      required: true,
      maxLength: 20,
      initial: '2h',
      options: [],
    },
    {
      name: 'reason',
      label: 'Why?',
      hint: 'With the ticket. The people who sign read this.',
      kind: 'long-text',
      required: true,
      maxLength: 500,
      initial: null,
      options: [],
    },
  ],
}

function denyForm(request: string): Form {
  return {
    id: 'deny',
    title: 'Deny this request',
    submitLabel: 'Deny',
    context: { request },
    fields: [
      {
        name: 'reason',
        label: 'Why not?',
        hint: 'Ana Silva reads this.',
        kind: 'long-text',
        required: true,
        maxLength: 500,
        initial: null,
        options: [],
      },
    ],
  }
}

const helpCard: Card = {
  tone: 'info',
  title: 'What you can say',
  badge: null,
  facts: [],
  body: [
    [code('/access prod-db 2h fix ledger INC-42'), text(' asks for what prod-db gives by default')],
    [code('/access mine'), text(' shows what you hold and have asked for')],
  ],
  buttons: [],
  footer: [],
}

function connectCard(story: Story): Card {
  return {
    tone: 'info',
    title: 'How to connect to prod-db',
    badge: null,
    facts: [
      { label: 'Account', value: [code('cs_7k3qf')] },
      { label: 'Until', value: [time(story.endsAt ?? 0, 'time-seconds')] },
    ],
    body: [
      [
        text('The password is made when you open the page, and shown once: '),
        { kind: 'link', text: 'show my password', url: 'http://localhost:3000/reveal/9f2c' },
      ],
    ],
    buttons: [],
    footer: [text('The link lives for 60 seconds. Pressing again makes a new one.')],
  }
}

function said(tone: Line['tone'], words: string): Answer {
  return { kind: 'line', line: line(tone, words) }
}

function refused(words: string): Answer {
  return said('refused', words)
}

function nameOf(act: Act): string {
  return people.find((one) => one.account.id === act.account.id)?.name ?? 'A stranger'
}

import type { Button, Card, Line, Span, Text } from '../../src/ports/chat.ts'

/** What the cards of one request say as it goes its way. The words are those that people will read. */
export interface ExampleRequest {
  readonly id: string
  readonly requester: { readonly id: string; readonly name: string }
  readonly entitlement: string
  readonly duration: string
  readonly reason: string
  readonly approvers: readonly { readonly id: string; readonly name: string; readonly why: string }[]
}

export function waitingCard(request: ExampleRequest, expiresAt: number): Card {
  return {
    tone: 'waiting',
    title: `${request.requester.name} asks for ${request.entitlement}`,
    badge: 'waiting',
    facts: [
      ...commonFacts(request),
      { label: 'Who may approve', value: approversOf(request) },
      { label: 'Expires unless signed by', value: [time(expiresAt, 'time')] },
    ],
    body: [],
    buttons: [
      button(request, 'approve', 'Approve', 'primary'),
      button(request, 'deny', 'Deny', 'danger'),
      button(request, 'cancel', 'Cancel', 'plain'),
    ],
    footer: [text('One signature is needed, by somebody other than the requester. '), code(request.id)],
  }
}

export function activeCard(request: ExampleRequest, by: string, endsAt: number): Card {
  return {
    tone: 'active',
    title: `${request.requester.name} holds ${request.entitlement}`,
    badge: 'active',
    facts: [
      ...commonFacts(request),
      { label: 'Approved by', value: [person(by, by)] },
      { label: 'Ends', value: [time(endsAt, 'time-seconds')] },
    ],
    body: [],
    buttons: [
      button(request, 'connect', 'Show how to connect', 'primary'),
      button(request, 'extend', 'Extend', 'plain'),
      button(request, 'done', 'I’m done', 'plain'),
    ],
    footer: [text('Sealed at leaf 1043, witnessed before access was given. '), code(request.id)],
  }
}

export function removedCard(request: ExampleRequest, by: string, seenGoneAt: number): Card {
  return {
    tone: 'done',
    title: `${request.requester.name} held ${request.entitlement}`,
    badge: 'removed',
    facts: [
      ...commonFacts(request),
      { label: 'Approved by', value: [person(by, by)] },
      { label: 'Seen to be gone', value: [time(seenGoneAt, 'time-seconds')] },
    ],
    body: [],
    buttons: [],
    footer: [text('Login refused, 2 sessions ended, account dropped, nothing left behind. '), code(request.id)],
  }
}

export function deniedCard(request: ExampleRequest, by: string, why: string): Card {
  return {
    tone: 'refused',
    title: `${request.requester.name} asked for ${request.entitlement}`,
    badge: 'denied',
    facts: [
      ...commonFacts(request),
      { label: 'Denied by', value: [person(by, by)] },
      { label: 'Because', value: [typed(why)] },
    ],
    body: [],
    buttons: [],
    footer: [code(request.id)],
  }
}

export function line(tone: Line['tone'], ...spans: readonly (Span | string)[]): Line {
  return { tone, text: spans.map((span) => (typeof span === 'string' ? text(span) : span)) }
}

export function text(words: string): Span {
  return { kind: 'text', text: words }
}

export function typed(words: string): Span {
  return { kind: 'typed', text: words }
}

export function code(words: string): Span {
  return { kind: 'code', text: words }
}

export function strong(words: string): Span {
  return { kind: 'strong', text: words }
}

export function time(at: number, show: 'time' | 'date-time' | 'time-seconds'): Span {
  return { kind: 'time', at, show }
}

export function person(identity: string, name: string): Span {
  return { kind: 'person', identity, name, notify: false }
}

function commonFacts(request: ExampleRequest): { label: string; value: Text }[] {
  return [
    { label: 'What', value: [code(request.entitlement)] },
    { label: 'How long', value: [text(request.duration)] },
    { label: 'Why', value: [typed(request.reason)] },
  ]
}

function approversOf(request: ExampleRequest): Text {
  return request.approvers.flatMap(({ id, name, why }, index) => [
    text(index === 0 ? '' : ' or '),
    person(id, name),
    text(` (${why})`),
  ])
}

function button(request: ExampleRequest, action: Button['action'], label: string, style: Button['style']): Button {
  return { action, label, style, request: request.id, revision: 1 }
}

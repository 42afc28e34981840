import { formatDuration } from '../domain/duration.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Button, Card, Text, Tone } from '../ports/chat.ts'
import type { ExtensionStory } from './extension-story.ts'
import { approversText, type CardContext, type Fact, signedFacts, whatFacts, whoText } from './grant-card.ts'
import { code, type Names, people, text, time, typed } from './text.ts'

/** What an approver gets when more time is asked for: enough to decide alone. One card an ask. */
export function extensionCard(state: GrantState, story: ExtensionStory, reader: string, context: CardContext): Card {
  const { names } = context
  const right = `${state.target}:${state.entitlement}`
  const asks = story.outcome === null ? 'asks' : 'asked'
  return {
    tone: toneOf(story),
    title: `${names(state.for)} ${asks} for ${formatDuration(story.durationMs)} more of ${right}`,
    badge: story.outcome?.how ?? 'waiting',
    facts: [
      { label: 'Who', value: whoText(state, context) },
      ...whatFacts(state, context),
      { label: 'Why more', value: text(typed(story.reason)) },
      ...(story.reason === state.reason ? [] : [{ label: 'Why at first', value: text(typed(state.reason)) }]),
      { label: 'More time', value: moreTime(story) },
      ...decisionFacts(state, story, context),
    ],
    body: bodyOf(story, names),
    buttons: mayDecide(story, reader) ? decideButtons(state) : [],
    footer: text(code(state.id), ' more time asked ', time(story.askedAt, 'date-time')),
  }
}

/** Whether this person's decision is still wanted. */
export function mayDecide({ outcome, approvers, signed }: ExtensionStory, person: string): boolean {
  return outcome === null && approvers.some((one) => one.id === person) && !signed.includes(person)
}

function moreTime({ durationMs, until }: ExtensionStory): Text {
  const length = `${formatDuration(durationMs)}: until `
  return text(length, time(until, 'date-time'), ' instead of ', time(until - durationMs))
}

function decisionFacts(
  state: GrantState,
  { outcome, approvers, signed }: ExtensionStory,
  context: CardContext,
): Fact[] {
  const { names } = context
  const open = approvers.filter((approver) => !signed.includes(approver.id))
  if (outcome !== null)
    return signed.length === 0 ? [] : [{ label: 'Signed by', value: text(...people(signed, names)) }]
  const who = signedFacts(state.extension?.signatures ?? [], state, context)
  const needs = { label: 'Needs', value: text(state.rules.join(' and ')) }
  return [needs, { label: 'May decide', value: approversText(open, names) }, ...who]
}

function bodyOf({ outcome }: ExtensionStory, names: Names): Text[] {
  switch (outcome?.how) {
    case undefined:
      return []
    case 'approved':
      return [text('Approved by ', ...people(outcome.by, names), '. The end is being moved.')]
    case 'extended':
      return [text('Approved by ', ...people(outcome.by, names), ', and done at ', time(outcome.at), '.')]
    case 'denied': {
      const why = outcome.why === '' ? ['.'] : [': ', typed(outcome.why)]
      return [text('Denied by ', ...people(outcome.by, names), ' at ', time(outcome.at), ...why)]
    }
    case 'failed':
      return [text(`It did not work: ${outcome.why} The old end stands.`)]
    case 'overtaken':
      return [text('The access ended at ', time(outcome.at), ', before this was done.')]
    default:
      return outcome satisfies never
  }
}

function toneOf({ outcome }: ExtensionStory): Tone {
  switch (outcome?.how) {
    case undefined:
      return 'waiting'
    case 'approved':
      return 'active'
    case 'extended':
      return 'done'
    case 'denied':
    case 'failed':
      return 'refused'
    case 'overtaken':
      return 'info'
    default:
      return outcome satisfies never
  }
}

function decideButtons(state: GrantState): Button[] {
  const at = { request: state.id, revision: state.seq }
  return [
    { action: 'approve-extension', label: 'Approve extension', style: 'primary', ...at },
    { action: 'deny-extension', label: 'Deny extension', style: 'danger', ...at },
  ]
}

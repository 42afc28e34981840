import { countable } from '../domain/decide-signature.ts'
import { formatDuration } from '../domain/duration.ts'
import type { GrantState, Signature } from '../domain/grant-state.ts'
import type { Entitlement, Target } from '../domain/policy.ts'
import type { Card, Span, Text, Tone } from '../ports/chat.ts'
import { buttonsOf, type Reader } from './grant-buttons.ts'
import { heldTexts } from './held-text.ts'
import { code, type Names, people, person, strong, text, time, typed } from './text.ts'
import { stepWord } from './thread-line.ts'
import { waitWord } from './wait-word.ts'

/** What a card needs to know besides the grant: names, and what the target is. */
export interface CardContext {
  readonly names: Names
  readonly titleOf: (id: string) => string
  readonly target: (
    name: string,
  ) => Pick<Target, 'description' | 'financialReporting' | 'entitlements' | 'owners'> | null
  /** Who is told when nobody can decide. Identity ids. */
  readonly escalateTo: readonly string[]
}

/** A label and what it says. */
export type Fact = Card['facts'][number]

/** The one card of a request and its grant, in every state. */
export function grantCard(state: GrantState, reader: Reader, context: CardContext): Card {
  const { names } = context
  const right = `${state.target}:${state.entitlement}`
  return {
    tone: toneOf(state),
    title:
      reader === 'approver' && state.status === 'planned'
        ? `${names(state.for)} asked for ${right}`
        : titleOf(state, right, names),
    badge: badgeOf(state),
    facts: [
      { label: 'Who', value: whoText(state, context) },
      ...whatFacts(state, context),
      { label: 'Why', value: text(typed(state.reason)) },
      { label: 'How long', value: durationText(state) },
      ...decisionFacts(state, context),
      ...extensionFacts(state, context),
      ...endFacts(state, names),
    ],
    body: bodyOf(state, context),
    buttons: buttonsOf(state, reader),
    footer: text(code(state.id), ' asked ', time(state.askedAt, 'date-time')),
  }
}

function titleOf(state: GrantState, right: string, names: Names): string {
  const who = names(state.for)
  switch (state.status) {
    case 'pending':
      return `${who} asks for ${right}`
    case 'planned':
    case 'providing':
      return `${who} will have ${right}`
    case 'active':
      return `${who} has ${right}`
    case 'ending':
      return `${right} is being taken from ${who}`
    case 'removed':
      return `${who} had ${right}`
    case 'denied':
    case 'cancelled':
    case 'expired':
    case 'failed':
      return `${who} asked for ${right}`
    default:
      return state.status satisfies never
  }
}

function badgeOf(state: GrantState): string {
  if (state.stuck !== null) return 'stuck'
  if (state.status === 'pending') return state.missing > 0 ? 'held' : 'waiting'
  if (state.status === 'planned') return state.waitsFor === null ? 'approved' : 'approved, waits'
  return state.status
}

function toneOf(state: GrantState): Tone {
  if (state.stuck !== null) return 'alarm'
  switch (state.status) {
    case 'pending':
      return state.missing > 0 ? 'alarm' : 'waiting'
    case 'planned':
    case 'providing':
    case 'active':
    case 'ending':
      return 'active'
    case 'removed':
      return 'done'
    case 'denied':
    case 'failed':
      return 'refused'
    case 'cancelled':
    case 'expired':
      return 'info'
    default:
      return state.status satisfies never
  }
}

export function whoText(state: GrantState, { names, titleOf: title }: CardContext): Text {
  const words = title(state.for)
  return words === '' ? text(person(state.for, names)) : text(person(state.for, names), `, ${words}`)
}

/** What is asked for and where: enough to decide without looking anything up. */
export function whatFacts(state: GrantState, context: CardContext): Fact[] {
  const target = context.target(state.target)
  const entitlement = entitlementOf(state, context)
  const what: (string | Span)[] = [code(`${state.target}:${state.entitlement}`)]
  if (entitlement !== null) {
    if (entitlement.description !== '') what.push(` · ${entitlement.description}`)
    what.push(' · ', entitlement.level === 'read' ? 'read' : strong(entitlement.level))
  }
  const where: (string | Span)[] = []
  if (target !== null && target.description !== '') where.push(target.description)
  if (target?.financialReporting === true) {
    where.push(...(where.length === 0 ? [] : [' · ']), strong('touches financial reporting'))
  }
  return [
    { label: 'What', value: text(...what) },
    ...(where.length === 0 ? [] : [{ label: 'On', value: text(...where) }]),
  ]
}

/** The entitlement by the policy of now; null when the policy has it no longer. */
function entitlementOf(state: GrantState, context: CardContext): Entitlement | null {
  return context.target(state.target)?.entitlements[state.entitlement] ?? null
}

function durationText(state: GrantState): Text {
  const length = formatDuration(state.durationMs)
  const access = state.access
  if (state.status === 'active' && access !== null) return text(`${length}, ends `, time(access.endsAt, 'date-time'))
  if (state.status === 'pending') {
    return text(
      `${length}, counted from the moment it works: until `,
      time(state.askedAt + state.durationMs, 'date-time'),
      ' at the earliest',
    )
  }
  return text(length)
}

function decisionFacts(state: GrantState, context: CardContext): Fact[] {
  const { names } = context
  if (state.status === 'pending') {
    const open = state.approvers.filter(
      (approver) => !signersOf(state.signatures, state, context).includes(approver.id),
    )
    const facts = [{ label: 'Needs', value: text(`${state.rules.join(' and ')}${passkeyWord(state, context)}`) }]
    if (open.length > 0) facts.push({ label: 'May decide', value: approversText(open, names) })
    return [...facts, ...signedFacts(state.signatures, state, context)]
  }
  if (state.approval !== null) {
    return [{ label: 'Approved by', value: text(...people(state.approval.by, names), ' at ', time(state.approval.at)) }]
  }
  const refused = state.refusedBy
  if (state.status === 'denied' && refused?.by != null) {
    const why = refused.reason === null || refused.reason === '' ? [] : [': ', typed(refused.reason)]
    return [{ label: 'Denied by', value: text(person(refused.by, names), ' at ', time(refused.at), ...why) }]
  }
  return []
}

export function approversText(approvers: GrantState['approvers'], names: Names): Text {
  if (approvers.length === 0) return text('nobody yet')
  return text(
    ...approvers.flatMap((approver, index) => [
      ...(index === 0 ? [] : [', ']),
      person(approver.id, names),
      ` (${approver.as.join(', ')})`,
    ]),
  )
}

function extensionFacts(state: GrantState, context: CardContext): Fact[] {
  const { names } = context
  const extension = state.extension
  if (state.status !== 'active' || extension === null) return []
  const { by, durationMs, until, reason } = extension
  const signed = extension.status === 'pending' ? signersOf(extension.signatures, state, context) : []
  const open = extension.approvers.filter((approver) => !signed.includes(approver.id))
  const asks = [`${formatDuration(durationMs)}, until `, time(until, 'date-time'), ', asked by ', person(by, names)]
  return [
    { label: 'More time', value: text(...asks) },
    { label: 'Why more', value: text(typed(reason)) },
    ...(extension.status === 'pending' ? [{ label: 'May decide', value: approversText(open, names) }] : []),
    ...signedFacts(extension.signatures, extension.status === 'pending' ? state : null, context),
  ]
}

/** Whose signatures count: a click does not where the policy of now needs a passkey. */
export function signersOf(signatures: readonly Signature[], state: GrantState, context: CardContext): string[] {
  return countable(signatures, entitlementOf(state, context)?.stepUp ?? 'none').map(({ by }) => by)
}

/** Who signed, and whose click counts no longer. @param state null once it is decided: they counted then */
export function signedFacts(signatures: readonly Signature[], state: GrantState | null, context: CardContext): Fact[] {
  const everybody = [...new Set(signatures.map(({ by }) => by))]
  const signed = state === null ? everybody : signersOf(signatures, state, context)
  const voided = everybody.filter((by) => !signed.includes(by))
  return [
    ...(signed.length > 0 ? [{ label: 'Signed by', value: text(...people(signed, context.names)) }] : []),
    ...(voided.length > 0
      ? [
          {
            label: 'Counts no longer',
            value: text('the click of ', ...people(voided, context.names), ': it needs a passkey now'),
          },
        ]
      : []),
  ]
}

function endFacts(state: GrantState, names: Names): Fact[] {
  const ending = state.ending
  if (ending === null) return []
  const order = ending.order === undefined ? [] : [', ', code(ending.order)]
  const by = ending.by === null ? [] : [' by ', person(ending.by, names), ...order]
  const ended = { label: 'Ended', value: text(time(ending.at, 'time-seconds'), ...by, ` (${causeWord(ending.cause)})`) }
  if (ending.goneAt === null) return [ended]
  return [ended, { label: 'Proof', value: text('looked, and it was gone at ', time(ending.goneAt, 'time-seconds')) }]
}

function causeWord(cause: NonNullable<GrantState['ending']>['cause']): string {
  switch (cause) {
    case 'expired':
      return 'its time was up'
    case 'done':
      return 'done early'
    case 'ended-by-person':
      return 'ended early'
    case 'ordered':
      return 'by order of two persons'
    case 'provision-failed':
      return 'it could not be given'
    case 'left':
      return 'its holder has left'
    case 'moved':
      return 'its holder may not ask for it any more'
    default:
      return cause satisfies never
  }
}

function bodyOf(state: GrantState, context: CardContext): Text[] {
  const body: Text[] = []
  if (state.status === 'pending' && state.missing > 0) {
    body.push(...heldTexts(state, entitlementOf(state, context), context.names))
  }
  if (state.status === 'planned' && state.waitsFor !== null) body.push(text(waitWord(state.waitsFor)))
  if (state.stuck !== null) body.push(...stuckTexts(state, state.stuck))
  if (state.status === 'failed' && state.failure !== null) body.push(text(state.failure.message))
  const left = state.ending?.left ?? []
  if (left.length > 0) body.push(text(strong('Left behind: '), left.map((one) => `${one.kind} ${one.what}`).join('; ')))
  return body
}

function stuckTexts(state: GrantState, stuck: NonNullable<GrantState['stuck']>): Text[] {
  const account = state.access === null ? [] : [' The account ', code(state.access.account)]
  return [
    text(strong('Removal is not proved.'), ...account, ' may still be open on ', code(state.target), '.'),
    text(`${stepWord(stuck.step)} does not work: ${stuck.message} (`, code(stuck.code), ')'),
    text('Somebody must look at the target now. I go on trying, and say here when it is seen to be gone.'),
  ]
}

/** The button leads to a page then: said before it is pressed. */
function passkeyWord({ target, entitlement }: GrantState, context: CardContext): string {
  const entitlements = context.target(target)?.entitlements ?? {}
  const isNeeded = Object.hasOwn(entitlements, entitlement) && entitlements[entitlement]?.stepUp === 'passkey'
  return isNeeded ? ', each with a passkey' : ''
}

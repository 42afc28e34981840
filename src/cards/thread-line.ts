import { formatDuration } from '../domain/duration.ts'
import type { Approver, Assurance, EndingCause, GrantEvent, GrantStep, Left, Placed } from '../domain/grant-event.ts'
import type { Line, Span } from '../ports/chat.ts'
import { platformName } from './channel-name.ts'
import { capital, code, line, type Names, people, person, strong, time, typed } from './text.ts'
import { triedLine } from './tried-line.ts'
import { waitWord } from './wait-word.ts'

/**
 * What an event says in the thread of its card; null for what the thread need not repeat.
 * @param asker whose request it is, where that is known: an owner does not take back what is another's
 */
export function threadLine(event: Placed<GrantEvent>, names: Names, asker: string | null = null): Line | null {
  switch (event.type) {
    case 'request.asked':
      return line('waiting', person(event.data.by, names), ' asked. ', ...askedOf(event.data.approvers, names))
    case 'request.held':
      return line(
        ...(['alarm', `Held: ${event.data.missing} more approver(s) must exist before this can move. Told: `] as const),
        ...people(event.data.escalatedTo, names),
      )
    case 'request.approvers-changed':
      return event.data.missing > 0
        ? line('alarm', `The approvers changed: ${event.data.missing} are missing.`)
        : line('info', `Now it needs ${event.data.rules.join(' and ')}. `, ...askedOf(event.data.approvers, names))
    case 'passkey.challenged':
      return null
    case 'request.signed':
      return line(
        ...(['active', person(event.data.by, names), ` signed${withPasskey(event.data)}, as `] as const),
        `${event.data.as.join(' and ')}.`,
      )
    case 'request.approved':
      return line('active', strong('Approved'), ' by ', ...people(event.data.by, names), '.')
    case 'request.denied':
      return line('refused', person(event.data.by, names), ' denied it', ...because(event.data.reason))
    case 'request.cancelled':
      if (event.data.order !== undefined) return orderedLine('Taken back', event.data.order, event.data.by, names)
      return asker === null || asker === event.data.by
        ? line('info', person(event.data.by, names), ' withdrew it.')
        : line('info', person(event.data.by, names), ' withdrew it for ', person(asker, names), '.')
    case 'request.lapsed':
      return event.data.because === 'left'
        ? line('info', person(event.data.person, names), ' has left: the request is closed. Nothing was given.')
        : line('info', person(event.data.person, names), ' may not ask for this any more: the request is closed.')
    case 'request.signature-void':
      return line('info', person(event.data.by, names), ' has left: their signature does not count any more.')
    case 'request.expired':
      return line('info', 'Nobody decided in time: the request has expired. Nothing was given.')
    case 'act.refused':
      return triedLine(event.data, names)
    case 'grant.waiting':
      return line('waiting', `Approved, and not given yet. ${waitWord(event.data.because)} It is given by itself.`)
    case 'grant.providing':
      return line(
        ...([
          'active',
          'The approval is sealed and witnessed. Giving access as ',
          code(event.data.account),
          '.',
        ] as const),
      )
    case 'grant.attempt-failed':
      // Whether giving is tried again, the next event says; taking away is tried until it is done.
      return event.data.step === 'provision'
        ? line('alarm', `${stepWord(event.data.step)} did not work: ${event.data.message}`)
        : line('alarm', `${stepWord(event.data.step)} did not work yet: ${event.data.message} I go on trying.`)
    case 'grant.active':
      return line('active', strong('Active'), ' until ', time(event.data.endsAt, 'date-time'), ', seen to work.')
    case 'grant.failed':
      return line('refused', `No access was given: ${event.data.message}`)
    case 'grant.connection-shown':
      return line('info', person(event.data.by, names), ' was shown how to connect.')
    case 'grant.end-near':
      return line(
        'waiting',
        'Ends at ',
        time(event.data.endsAt, 'time-seconds'),
        '. Extend it, or say that you are done.',
      )
    case 'extension.asked':
      return line(
        ...([
          'waiting',
          person(event.data.by, names),
          ` asks for ${formatDuration(event.data.durationMs)} more, until `,
        ] as const),
        ...[time(event.data.until), ...whyMore(event.data.reason), ...askedOf(event.data.approvers, names)],
      )
    case 'extension.signed':
      return line('active', person(event.data.by, names), ` signed the extension${withPasskey(event.data)}.`)
    case 'extension.approved':
      return line('active', 'Extension approved by ', ...people(event.data.by, names), '.')
    case 'extension.denied':
      return line('refused', person(event.data.by, names), ' denied the extension', ...because(event.data.reason))
    case 'grant.extended':
      return line('active', 'Extended: ends at ', time(event.data.endsAt, 'date-time'), '.')
    case 'extension.failed':
      return line('alarm', `The extension did not work: ${event.data.message}`)
    case 'grant.ending':
      if (event.data.order !== undefined) return orderedLine('Ending it', event.data.order, event.data.by, names)
      return event.data.by === null
        ? line('waiting', WHY_ENDING[event.data.cause] ?? 'Clearing away.')
        : line('waiting', person(event.data.by, names), ' ended it. Taking the access away.')
    case 'grant.disabled':
    case 'grant.sessions-ended':
    case 'grant.access-removed':
      return line('waiting', `${capital(event.data.summary)}.`, ...leftBehind(event.data.left))
    case 'grant.looked':
      return line(
        'alarm',
        event.data.verdict === 'still-present'
          ? 'Looked: it is still there.'
          : 'Looked: cannot tell whether it is gone.',
        ...leftBehind(event.data.left),
      )
    case 'grant.removed':
      return line(
        ...(['done', strong('Removed'), ', seen to be gone at ', time(event.at, 'time-seconds'), '.'] as const),
        ...leftBehind(event.data.left),
      )
    case 'grant.stuck':
      return line(
        ...(['alarm', strong('Stuck: '), `removal is not proved (${event.data.message}). Told: `] as const),
        ...people(event.data.escalatedTo, names),
        '. I go on trying.',
      )
    case 'notice.undeliverable':
      return line(
        'alarm',
        `A notice to ${event.data.to} could not be delivered (${event.data.code})`,
        event.data.instead === undefined ? '.' : ` and goes to them on ${platformName(event.data.instead)}.`,
      )
    case 'notice.deleted':
      return line('alarm', 'Somebody deleted the card of this. It is posted again; the record has all of it.')
    case 'closed':
      return null
    default:
      return event satisfies never
  }
}

const WHY_ENDING: Readonly<Partial<Record<EndingCause, string>>> = {
  expired: 'Time is up. Taking the access away.',
  left: 'Its holder has left. Taking the access away.',
  moved: 'Its holder may not ask for it any more. Taking the access away.',
}

/** Two persons signed the order; the second is named here, both on its own card. */
function orderedLine(what: string, order: string, by: string | null, names: Names): Line {
  const confirmed = by === null ? [] : [', confirmed by ', person(by, names)]
  return line('waiting', `${what} by order `, code(order), ...confirmed, '.')
}

function askedOf(approvers: readonly Approver[], names: Names): (string | Span)[] {
  if (approvers.length === 0) return ['Nobody may decide yet.']
  return [
    'May decide: ',
    ...people(
      approvers.map((approver) => approver.id),
      names,
    ),
    '.',
  ]
}

function because(reason: string): (string | Span)[] {
  return reason === '' ? ['.'] : [': ', typed(reason)]
}

function whyMore(reason: string): (string | Span)[] {
  return reason === '' ? ['. '] : [': ', typed(reason), reason.endsWith('.') ? ' ' : '. ']
}

function leftBehind(left: readonly Left[]): string[] {
  return left.length === 0 ? [] : [` Left behind: ${left.map((one) => `${one.kind} ${one.what}`).join('; ')}.`]
}

/** A step as the beginning of a sentence. */
export function stepWord(step: GrantStep): string {
  switch (step) {
    case 'provision':
      return 'Giving access'
    case 'extend':
      return 'Extending'
    case 'disable':
      return 'Stopping new logins'
    case 'terminate-sessions':
      return 'Ending sessions'
    case 'remove':
      return 'Removing'
    case 'verify':
      return 'Looking'
    default:
      return step satisfies never
  }
}

function withPasskey({ assurance }: { readonly assurance: Assurance }): string {
  return assurance === 'passkey' ? ' with a passkey' : ''
}

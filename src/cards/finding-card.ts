import { findingKindOf } from '../domain/finding-kinds.ts'
import { type FindingState, isOverdue } from '../domain/finding-state.ts'
import type { Button, ButtonAction, Card, Span, Text, Tone } from '../ports/chat.ts'
import type { Fact } from './grant-card.ts'
import { code, joined, type Names, people, person, strong, text, time, typed } from './text.ts'

/** So many of what the alarms said stand on the card; the thread has the others. */
const MOST_DETAILS = 4
const MOST_NAMED = 6

/** The one card of a finding, in every state. @param overdue as far as somebody was told so: a card does not change by itself */
export function findingCard(state: FindingState, overdue: boolean, names: Names): Card {
  return {
    tone: toneOf(state, overdue),
    title: titleOf(state),
    badge: badgeOf(state, overdue),
    facts: [
      { label: 'Severity', value: text(state.severity) },
      { label: 'About', value: aboutText(state, names) },
      { label: 'Seen', value: detailText(state) },
      { label: 'Exposure', value: text(exposureOf(state)) },
      ...handFacts(state, names),
      ...fixFacts(state, names),
      ...acceptanceFacts(state, names),
    ],
    body: nextText(state),
    buttons: buttonsOf(state),
    footer: text(
      ...[code(state.id), ' ', code(state.cause), ' opened ', time(state.openedAt, 'date-time')],
      ...(state.lastSeenAt > state.openedAt ? [', seen again ', time(state.lastSeenAt, 'date-time')] : []),
      ...(state.after === null ? [] : [', not the first: ', code(state.after)]),
    ),
  }
}

/** `/access findings`: one line each. @param now decides which are overdue */
function findingLine(state: FindingState, now: number, names: Names): Text {
  const late = isOverdue(state, now)
  const who = state.takenBy === null ? [] : [', ', person(state.takenBy, names)]
  return text(
    ...[code(state.id), ' ', late ? strong('overdue') : stateWord(state), ` · ${state.severity} · `, titleOf(state)],
    ...(state.subject.id === '' ? [] : [' · ', code(state.subject.id)]),
    ...(state.status === 'accepted'
      ? [' · until ', time(state.acceptance?.until ?? state.due, 'date-time')]
      : [' · due ', time(state.due, 'date-time')]),
    ...who,
  )
}

export function titleOf({ cause }: FindingState): string {
  return (findingKindOf(cause)?.title ?? cause).slice(0, 150)
}

function exposureOf({ cause, financial }: FindingState): string {
  const words = findingKindOf(cause)?.exposure ?? 'Nobody has said yet what may be wrong because of it.'
  return `${words} Financial reporting ${financial ? 'may be' : 'is not'} touched.`
}

function aboutText({ subject, target, persons }: FindingState, names: Names): Text {
  const what: Span[] = subject.kind === 'house' ? [...text('the whole house')] : [code(subject.id)]
  const where = target !== null && target !== subject.id ? [' on ', code(target)] : []
  const whose = persons.length === 0 ? [] : [', of ', ...people(persons, names)]
  return text(...what, ...where, ...whose)
}

function handFacts(state: FindingState, names: Names): Fact[] {
  const { takenBy, owners, due, moved, status, ended } = state
  const shown = owners.slice(0, MOST_NAMED).map(({ id, as }) => [person(id, names), ` (${as.join(', ')})`] as const)
  const who = shown.flatMap(([who, why], index) => [...(index === 0 ? [] : [', ']), who, why])
  const more = owners.length > MOST_NAMED ? [` and ${owners.length - MOST_NAMED} more`] : []
  const owner =
    takenBy !== null
      ? [person(takenBy, names)]
      : who.length === 0
        ? ['nobody whom the policy names']
        : [...who, ...more]
  const put = moved === 0 ? [] : [`, moved ${moved === 1 ? 'once' : `${moved} times`}`]
  if (status === 'closed' && ended !== null) {
    const by = ended.by === null ? ['seen to be gone'] : [person(ended.by, names)]
    return [
      { label: takenBy === null ? 'For' : 'Owner', value: text(...owner) },
      { label: 'Closed', value: text(...by, ' at ', time(ended.at, 'date-time')) },
    ]
  }
  return [
    { label: takenBy === null ? 'For' : 'Owner', value: text(...owner) },
    ...(status === 'accepted' ? [] : [{ label: 'Due', value: text(time(due, 'date-time'), ...put) }]),
  ]
}

function fixFacts({ fix, retest }: FindingState, names: Names): Fact[] {
  const looked = retest === null ? [] : [{ label: 'Retest', value: retestText(retest, names) }]
  if (fix === null) return looked
  const done = text(typed(fix.done), ', by ', person(fix.by, names), ' at ', time(fix.at, 'date-time'))
  const isOfThisFix = retest !== null && retest.at >= fix.at
  return [{ label: 'Fix', value: done }, ...(isOfThisFix ? looked : [])]
}

function retestText(retest: NonNullable<FindingState['retest']>, names: Names): Text {
  const who = retest.by === null ? 'the machine' : person(retest.by, names)
  const said: Span = retest.by === null ? { kind: 'text', text: retest.saw } : typed(retest.saw)
  return text(
    strong(retest.passed ? 'gone' : 'still there'),
    ': ',
    said,
    ', by ',
    who,
    ' at ',
    time(retest.at, 'date-time'),
  )
}

function acceptanceFacts({ asked, acceptance, status }: FindingState, names: Names): Fact[] {
  const held = status === 'accepted' ? acceptance : asked
  if (held === null || status === 'closed') return []
  const by = acceptance !== null && status === 'accepted' ? [held.by, acceptance.second] : [held.by]
  return [
    {
      label: status === 'accepted' ? 'Accepted until' : 'Asked to rest until',
      value: text(time(held.until, 'date-time'), ', by ', ...people(by, names)),
    },
    { label: 'Why', value: text(typed(held.reason)) },
    { label: 'Instead', value: text(typed(held.control)) },
  ]
}

function detailText({ details }: FindingState): Text {
  const more = details.length - MOST_DETAILS
  const shown = details.slice(0, MOST_DETAILS).flatMap((one, n) => [...(n === 0 ? [] : ['; ']), typed(one)])
  return text(...shown, ...(more > 0 ? [`; and ${more} more, in the thread`] : []))
}

function nextText({ status, asked, cause }: FindingState): Text[] {
  if (cause === 'orphan-access' && status === 'open' && asked === null)
    return [text('Whether the access itself is gone stands on its own card. This is about why it could be there.')]
  if (status === 'fixed') return [text(strong('Next: '), 'somebody else than who fixed it looks whether it is gone.')]
  if (status === 'retested') return [text(strong('Next: '), 'somebody else than who fixed it closes it.')]
  if (asked !== null && status === 'open')
    return [text(strong('Next: '), 'a second person lets it rest, or nobody does.')]
  return []
}

function buttonsOf(state: FindingState): Button[] {
  if (state.status === 'closed') return []
  const button = (action: ButtonAction, label: string, style: Button['style'] = 'plain'): Button => ({
    ...{ action, label, style, request: state.id, revision: state.seq },
  })
  const take = state.takenBy === null ? [button('take-finding', 'Take it')] : []
  const accept =
    state.asked === null
      ? [button('accept-finding', 'Accept until…')]
      : [button('confirm-acceptance', 'Let it rest: second person')]
  switch (state.status) {
    case 'open':
      return [button('fix-finding', 'Fixed…', 'primary'), ...take, ...accept]
    case 'fixed':
      return [button('retest-finding', 'Retest…', 'primary'), ...take, ...accept]
    case 'retested':
      return [button('close-finding', 'Close', 'primary'), ...take]
    case 'accepted':
      return [button('fix-finding', 'Fixed…', 'primary'), ...take]
    default:
      return state.status satisfies never
  }
}

function badgeOf(state: FindingState, overdue: boolean): string {
  return overdue ? 'overdue' : stateWord(state)
}

function stateWord({ status }: FindingState): string {
  return status === 'retested' ? 'to close' : status === 'fixed' ? 'to look at' : status
}

function toneOf({ status, severity }: FindingState, overdue: boolean): Tone {
  if (status === 'closed') return 'done'
  if (status === 'accepted') return 'info'
  if (overdue) return 'alarm'
  if (status === 'fixed' || status === 'retested') return 'waiting'
  return severity === 'critical' || severity === 'high' ? 'alarm' : 'waiting'
}

/** The list behind `/access findings`. @param unreadable ids of those whose record was changed */
export function findingsCard(
  { open, unreadable }: { readonly open: readonly FindingState[]; readonly unreadable: readonly string[] },
  now: number,
  names: Names,
): Card {
  const late = open.filter((one) => isOverdue(one, now)).length
  const rest = open.filter(({ status }) => status === 'accepted').length
  const count = `${open.length - rest} open, ${late} of them overdue; ${rest} accepted.`
  const bad = unreadable.length === 0 ? [] : [text(strong('Changed on record: '), ...joined(unreadable.map(code)))]
  const more = open.length - MOST_LISTED
  return {
    tone: late > 0 || unreadable.length > 0 ? 'alarm' : 'info',
    title: open.length + unreadable.length === 0 ? 'There is nothing that a person must look at' : 'Findings',
    badge: open.length === 0 ? null : late > 0 ? `${late} overdue` : `${open.length - rest} open`,
    facts: [],
    body: [
      ...(open.length === 0 ? [] : [text(count)]),
      ...bad,
      ...open.slice(0, MOST_LISTED).map((one) => findingLine(one, now, names)),
      ...(more > 0 ? [text(`and ${more} more`)] : []),
    ],
    buttons: [],
    footer:
      open.length === 0 ? [] : text(code(`/access findings ${open[0]?.id ?? 'F-…'}`), ' shows one, with its buttons'),
  }
}

const MOST_LISTED = 30

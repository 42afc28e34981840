import { ruleInWords } from './approvers.ts'
import { assuranceInWords } from './assurance.ts'
import { type Names, namesIn } from './conclude-people.ts'
import {
  allOf,
  type Clause,
  type EventOf,
  lastOf,
  type Part,
  type PartFact,
  type ProvedEvent,
  utc,
} from './conclusion.ts'
import { findEntitlement } from './decide-ask.ts'
import { formatDuration } from './duration.ts'
import { type Applying, broken, dutyChecks, type Fault, unclear } from './duty-checks.ts'
import type { Approver } from './grant-event.ts'
import type { PasskeyAssertion } from './passkey-event.ts'
import type { Policy } from './policy.ts'
import { missingSignatures, type ResolvedRule } from './quorum.ts'

/**
 * Whether others allowed it, found again from the events alone: distinct persons, none of them the asker or the
 * holder, each with a signature of their own, enough of them for the rules, sealed before the target was touched.
 */
export function concludeAuthorised(
  asked: EventOf<'request.asked'>,
  events: readonly ProvedEvent[],
  policies: KnownPolicies,
): { clause: Clause; part: Part } {
  const approved = lastOf(events, 'request.approved')
  const faults = approved === undefined ? [] : faultsOf({ asked, events, policies }, approved)
  const names = namesIn(policies)
  const clause = clauseOf({ asked, events, policies }, approved, faults, names)
  const part: Part = {
    title: 'Authorised',
    standing: clause.standing,
    says: faults.length > 0 ? faults.map(({ says }) => says).join('; ') : clause.words,
    facts: [
      ...eligibility(asked, events, names),
      ...decisions(events, names),
      ...(approved === undefined ? [] : dutyChecks(faults, applying({ asked, events, policies }, approved))),
    ],
  }
  return { clause, part }
}

/** By SHA-256 of their text, of those whose text came along; null where this version cannot read it. */
export type KnownPolicies = ReadonlyMap<string, Policy | null>

interface Story {
  readonly asked: EventOf<'request.asked'>
  readonly events: readonly ProvedEvent[]
  readonly policies: KnownPolicies
}

/** Which duties there were: nobody has a passkey to give where none was asked for. */
function applying(story: Story, { data }: EventOf<'request.approved'>): Applying {
  return {
    passkey: data.stepUp === 'passkey' || asksForPasskey(story, data.policy),
    given: story.events.some(({ type }) => type === 'grant.providing'),
  }
}

function clauseOf(
  { asked, events }: Story,
  approved: EventOf<'request.approved'> | undefined,
  faults: readonly Fault[],
  names: Names,
): Clause {
  const wasGiven = events.some(({ type }) => type === 'grant.providing')
  if (approved !== undefined) {
    if (faults.some(({ standing }) => standing === 'broken')) return { words: 'NOT authorised', standing: 'broken' }
    if (faults.length > 0) return { words: 'not shown to be authorised', standing: 'unclear' }
    return { words: 'authorised', standing: 'shown' }
  }
  if (wasGiven) return { words: 'NOT authorised', standing: 'broken' }
  const denied = lastOf(events, 'request.denied')
  if (denied !== undefined) return { words: `denied by ${names(denied.data.by)}`, standing: 'shown' }
  const cancelled = lastOf(events, 'request.cancelled')
  if (cancelled !== undefined) return { words: `taken back by ${names(cancelled.data.by)}`, standing: 'shown' }
  const lapsed = lastOf(events, 'request.lapsed')
  if (lapsed !== undefined) return { words: `closed: ${LAPSED[lapsed.data.because]}`, standing: 'shown' }
  if (events.some(({ type }) => type === 'request.expired')) return { words: 'never decided', standing: 'shown' }
  return { words: `not authorised yet, to be decided by ${utc(asked.data.pendingUntil)}`, standing: 'open' }
}

const LAPSED = { left: 'whoever asked had left', moved: 'whoever asked might not ask any more' }

function faultsOf(story: Story, approved: EventOf<'request.approved'>): Fault[] {
  const { events } = story
  const before = events.filter(({ seq }) => seq < approved.seq)
  const providings = allOf(events, 'grant.providing')
  const over = events.find(({ type }) => OVER.includes(type))
  const faults = signatureFaults(story, approved, before, allOf(before, 'request.signed'))
  if (over !== undefined && over.seq < (providings.at(-1) ?? approved).seq) {
    faults.push(broken('over', `it went on after ${over.type}`))
  }
  const early = providings.find(({ seq, data }) => !(approved.seq < seq && approved.leafIndex < data.checkpointSize))
  if (early !== undefined)
    faults.push(broken('sealed', 'the target was touched before its approval was in a witnessed checkpoint'))
  const [first] = providings
  if (first !== undefined && !(first.at <= approved.data.usableUntil)) {
    faults.push(broken('used', 'the approval was used after it had lapsed'))
  }
  return [...faults, ...longerFaults(story)]
}

const OVER: readonly ProvedEvent['type'][] = [
  ...(['request.denied', 'request.cancelled', 'request.lapsed', 'request.expired', 'grant.failed'] as const),
]

/** Nobody has it for longer than others signed. */
function longerFaults(story: Story): Fault[] {
  const { asked, events } = story
  const faults: Fault[] = []
  const longer = allOf(events, 'grant.active').some(
    ({ data }) => !(data.endsAt - data.activatedAt <= asked.data.durationMs),
  )
  if (longer) faults.push(broken('longer', 'it was given for longer than was asked for'))
  for (const extended of allOf(events, 'grant.extended')) {
    const before = events.filter(({ seq }) => seq < extended.seq)
    const approved = lastOf(before, 'extension.approved')
    if (approved === undefined || !(extended.data.endsAt <= approved.data.until)) {
      faults.push(broken('longer', `its end was moved to ${utc(extended.data.endsAt)}, which nobody had approved`))
      continue
    }
    const request = lastOf(before, 'extension.asked')
    const signed = allOf(before, 'extension.signed').filter(({ seq }) => seq > (request?.seq ?? approved.seq))
    faults.push(...signatureFaults(story, approved, before, signed))
  }
  return faults
}

/** In words, as the policy has them that the approval names; null where neither events nor texts tell. */
function rulesOf({ asked, policies }: Story, before: readonly ProvedEvent[], policy: string): readonly string[] | null {
  const text = policies.get(policy) ?? null
  const found = text === null ? null : findEntitlement(text, asked.data.target, asked.data.entitlement)
  if (found !== null) return 'refused' in found ? null : found.entitlement.approvals.map(ruleInWords)
  const recorded = lastOf(before, 'request.approvers-changed')?.data ?? asked.data
  return recorded.policy === policy ? recorded.rules : null
}

function signatureFaults(
  story: Story,
  approved: EventOf<'request.approved'> | EventOf<'extension.approved'>,
  before: readonly ProvedEvent[],
  signed: readonly (EventOf<'request.signed'> | EventOf<'extension.signed'>)[],
): Fault[] {
  const faults: Fault[] = []
  const { asked, policies } = story
  const names = namesIn(policies)
  const { by, policy } = approved.data
  const what = approved.type === 'request.approved' ? 'the approval' : 'the extension'
  if (by.length === 0) faults.push(broken('distinct', `${what} names nobody`))
  if (new Set(by).size < by.length) faults.push(broken('distinct', `${what} counts one person twice`))
  const needsPasskey = approved.data.stepUp === 'passkey' || asksForPasskey(story, policy)
  for (const person of by) {
    if (needsPasskey && !signed.some(({ data }) => data.by === person && data.assurance === 'passkey')) {
      faults.push(broken('passkey', `${what} counts a click of ${names(person)}, where a passkey was needed`))
    }
    if (person === asked.data.by || person === asked.data.for)
      faults.push(broken('own', `${what} was signed by ${names(person)} for themselves`))
    if (!signed.some(({ data }) => data.by === person)) {
      faults.push(broken('signed', `${what} counts ${names(person)}, of whom there is no signature before it`))
    }
  }
  const signers = signed.filter(({ data }) => by.includes(data.by)).map(({ data }) => ({ id: data.by, as: data.as }))
  const rules = rulesOf(story, before, policy)
  const seats = rules?.map((rule) => readRule(rule, signers)) ?? [null]
  if (seats.some((seat) => seat === null)) {
    faults.push(
      unclear('rules', `${what} counts by the rules of the policy ${policy.slice(0, 12)}, which are not known here`),
    )
  } else if (
    missingSignatures(
      seats.filter((seat) => seat !== null),
      by,
    ) > 0
  ) {
    faults.push(broken('rules', `${what} has fewer signatures than its rules ask for (${rules?.join('; ')})`))
  }
  return faults
}

/** Only where the text says it itself: versions that knew of no passkeys wrote of the same policies. */
function asksForPasskey({ asked, policies }: Story, policy: string): boolean {
  const text = policies.get(policy) ?? null
  const found = text === null ? null : findEntitlement(text, asked.data.target, asked.data.entitlement)
  if (found === null || 'refused' in found) return false
  return found.entitlement.stepUp === 'passkey' && found.entitlement.stepUpStated
}

/** `2 of owners, group dba`, as `ruleInWords` writes it; who signed says as what. Null for other words. */
function readRule(words: string, signers: readonly Approver[]): ResolvedRule | null {
  const [, need = '', from = ''] = /^([1-9][0-9]{0,3}) of (.+)$/.exec(words) ?? []
  if (need === '') return null
  const sources = from.split(', ').map((source) => (source === 'owners' ? 'owner' : source))
  const persons = signers.filter(({ as }) => as.some((one) => sources.includes(one))).map(({ id }) => id)
  return { need: Number(need), persons: new Set(persons) }
}

function eligibility(asked: EventOf<'request.asked'>, events: readonly ProvedEvent[], names: Names): PartFact[] {
  const { rules, approvers } = rulesWithApprovers(asked, events)
  const held = lastOf(events, 'request.held')
  return [
    { label: 'Rules', value: rules.length === 0 ? 'none' : rules.join('; ') },
    {
      label: 'Eligible',
      value: approvers.length === 0 ? 'nobody' : approvers.map((one) => inWords(one, names)).join(', '),
    },
    ...(held === undefined
      ? []
      : [
          {
            label: 'Held',
            value: `${held.data.missing} too few could approve; told ${held.data.escalatedTo.map(names).join(', ')}`,
          },
        ]),
  ]
}

/** As they stood when it was decided, or stand now. */
function rulesWithApprovers(asked: EventOf<'request.asked'>, events: readonly ProvedEvent[]) {
  const decided = events.find(({ type }) => type === 'request.approved' || type === 'request.denied')
  const until = decided === undefined ? events : events.filter(({ seq }) => seq < decided.seq)
  return lastOf(until, 'request.approvers-changed')?.data ?? asked.data
}

function decisions(events: readonly ProvedEvent[], names: Names): PartFact[] {
  const decision = decisionBy(names)
  return events.flatMap((event): PartFact[] => {
    switch (event.type) {
      case 'request.signed':
        return [{ label: 'Signed', value: decision(event, event.data) }]
      case 'request.denied':
        return [{ label: 'Denied', value: decision(event, event.data) + because(event.data.reason) }]
      case 'request.approved':
        return [{ label: 'Approved', value: `${utc(event.at)}, counting ${event.data.by.map(names).join(', ')}` }]
      case 'extension.asked':
        return [
          {
            label: 'More time asked',
            value: `${utc(event.at)} by ${names(event.data.by)}: ${formatDuration(event.data.durationMs)}, until ${utc(event.data.until)}${because(event.data.reason)}`,
          },
        ]
      case 'extension.signed':
        return [{ label: 'More time signed', value: decision(event, event.data) }]
      case 'extension.denied':
        return [{ label: 'More time denied', value: decision(event, event.data) + because(event.data.reason) }]
      case 'extension.approved':
        return [
          {
            label: 'More time approved',
            value: `${utc(event.at)}, until ${utc(event.data.until)}, counting ${event.data.by.map(names).join(', ')}`,
          },
        ]
      case 'extension.failed':
        return [{ label: 'More time failed', value: `${utc(event.at)}: ${event.data.message}` }]
      default:
        return []
    }
  })
}

interface Decided {
  readonly by: string
  readonly as?: readonly string[]
  readonly assurance: string
  readonly assertion?: PasskeyAssertion
}

function decisionBy(names: Names): (event: ProvedEvent, data: Decided) => string {
  return ({ at, platformAt }, data) => {
    const as = data.as === undefined || data.as.length === 0 ? '' : ` as ${data.as.join(' and ')}`
    const theirs = platformAt === undefined ? '' : `, ${utc(platformAt)} by the chat platform’s clock`
    return `${utc(at)} by ${names(data.by)}${as} (${assuranceInWords(data.assurance, data.assertion)})${theirs}`
  }
}

function because(reason: string): string {
  return reason === '' ? '' : `: ${reason}`
}

function inWords({ id, as }: Approver, names: Names): string {
  return `${names(id)} as ${as.join(' and ')}`
}

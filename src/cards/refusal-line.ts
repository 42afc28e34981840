import { formatDuration } from '../domain/duration.ts'
import { prunedInWords } from '../domain/pruning-event.ts'
import type { GrantOutcome, PasskeyFault, Refusal } from '../domain/refusal.ts'
import type { Line } from '../ports/chat.ts'
import { frozenBy, scopeSpan, scopeWord } from './freeze-lines.ts'
import { subjectSpan } from './order-lines.ts'
import { anyOf, capital, code, joined, line, type Names, people, person, strong, time, typed } from './text.ts'

const AGAIN = 'Nothing was decided. Press the button in chat again for a new link.'

const PASSKEY_FAULTS: Readonly<Record<PasskeyFault, string>> = {
  'link-used': `This link was used. ${AGAIN}`,
  'link-expired': `This link has expired. ${AGAIN}`,
  'link-unknown': `There is no such link. ${AGAIN}`,
  'not-yours': 'This link is for somebody else. Nothing was decided, and it is on record.',
  'not-enrolled': `This passkey is not one that is confirmed as yours. ${AGAIN}`,
  'does-not-hold': `What the passkey signed does not hold for this decision. ${AGAIN}`,
  changed: `What you saw has changed since. ${AGAIN}`,
  known: 'This passkey was enrolled before. Make another one.',
}

/** A refusal in words: the thing, the value, the next step. */
export function refusalLine(refusal: Refusal, names: Names): Line {
  const no = (...words: Words) => line('refused', ...words)
  const codes = (words: readonly string[]) => joined(words.map(code), ' or ')
  switch (refusal.code) {
    case 'unknown-person':
      return no(
        'I do not know you here yet. Write ',
        code('/access link'),
        ' where I do. Ask the people who run Countersign to add your account if there is no such place.',
      )
    case 'account-ambiguous':
      return no(
        'I cannot tell whose account this is, so it is nobody’s. ',
        ...people(refusal.tell, names),
        ' were told, and can settle it.',
      )
    case 'link-code-wrong':
      return no(
        'That is no code that links an account now. Get a new one with ',
        code('/access link'),
        ' where I know you.',
      )
    case 'link-throttled':
      return no('Too many codes were tried. Try again at ', time(refusal.until, 'time'), '.')
    case 'link-not-a-member':
      return no(
        'This account cannot be linked: it is a guest, a bot, of another organisation, or I cannot see what it is.',
      )
    case 'link-same-place':
      return no('That code was shown in this very place. Type it where I do not know you yet.')
    case 'already-linked':
      return no('I know you here already: this account is linked.')
    case 'left':
      return no('The directory says that ', person(refusal.person, names), ' has left. Nothing can be done as them.')
    case 'unknown-command':
      return no('I do not know ', typed(refusal.said), '. ', code('/access help'), ' lists what I understand.')
    case 'malformed':
      return no(`${refusal.what} is not valid. Expected: ${refusal.expected}`)
    case 'bad-duration':
      if (refusal.said === '') return no(`How long is missing. Write ${refusal.accepted}.`)
      return no(typed(refusal.said), ` is not a duration I accept: ${refusal.problem}. Write ${refusal.accepted}.`)
    case 'unknown-target':
      return no('There is no target ', typed(refusal.said), '. You can ask for ', ...codes(refusal.known), '.')
    case 'unknown-entitlement':
      return no(
        ...[code(refusal.target), ' has no entitlement ', typed(refusal.said), '. It has '],
        ...[...codes(refusal.known.map((name) => `${refusal.target}:${name}`)), '.'],
      )
    case 'no-default-entitlement':
      return no(
        ...[code(refusal.target), ' has no default. Say which: '],
        ...[...codes(refusal.known.map((name) => `${refusal.target}:${name}`)), '.'],
      )
    case 'not-a-requester':
      return no(
        ...['The policy does not let you ask for ', code(`${refusal.target}:${refusal.entitlement}`), '. '],
        ...[code('/access list'), ' shows what you may ask for.'],
      )
    case 'too-long':
      return no(
        ...[code(`${refusal.target}:${refusal.entitlement}`), ` is limited to ${formatDuration(refusal.maxMs)}; `],
        ...[`you asked for ${formatDuration(refusal.askedMs)}. Ask for ${formatDuration(refusal.maxMs)} or less.`],
      )
    case 'reason-too-short':
      return no(
        refusal.length === 0
          ? `Say why, after the duration: at least ${refusal.minLength} characters.`
          : `The reason has ${refusal.length} characters; at least ${refusal.minLength} are needed. Say a little more.`,
      )
    case 'reason-too-long':
      return no(`The reason has ${refusal.length} characters; at most ${refusal.maxLength} fit. Shorten it.`)
    case 'reason-pattern':
      return no(`The reason lacks something. ${capital(refusal.hint)}. Add it and send again.`)
    case 'deny-reason-required':
      return no('A denial here needs a reason. Press Deny again and say why.')
    case 'unknown-grant':
      return no('There is no request or grant ', typed(refusal.said), '. ', code('/access mine'), ' lists yours.')
    case 'pruned':
      return no(code(refusal.id), ' is not on record any more. ', prunedInWords(refusal.by), '.')
    case 'passkey-needed':
      return no('This needs your passkey. Press ', code('Approve'), ' on the card, and follow the link.')
    case 'no-passkey':
      if (refusal.waitsFor.length > 0) {
        return no(
          ...['The passkey of ', person(refusal.whose, names), ' counts as soon as '],
          ...[...anyOf(refusal.waitsFor, names), ' confirms it.'],
        )
      }
      return no(
        ...[person(refusal.whose, names), ' has no passkey here. ', code('/access passkey'), ' makes one, '],
        'and a second person confirms it.',
      )
    case 'passkeys-unavailable':
      return no(
        `This needs a passkey, and passkeys cannot work at ${refusal.place}: they need https and a name, or localhost. `,
        'Nothing was decided. Tell the people who run Countersign to set PUBLIC_URL.',
      )
    case 'passkey-refused':
      return no(PASSKEY_FAULTS[refusal.why])
    case 'no-passkey-offer':
      return no(
        'No such passkey waits to be confirmed: it was decided, replaced by a newer one, or it waited too long.',
      )
    case 'own-passkey':
      return no('Nobody confirms their own passkey. Ask ', ...anyOf(refusal.may, names), '.')
    case 'may-not-confirm-passkey':
      return no(
        'Only the manager of its owner and compliance may do this',
        ...(refusal.may.length === 0 ? [] : [': ', ...anyOf(refusal.may, names)]),
        '.',
      )
    case 'own-request':
      return no('This is your own request: somebody else has to sign it.')
    case 'not-an-approver':
      return refusal.approvers.length === 0
        ? no('You may not decide this one, and nobody else can yet: it is held and escalated.')
        : no('You may not decide this one. ', ...people(refusal.approvers, names), ' can.')
    case 'already-signed':
      return no('Your signature is already on it. One person counts once; another approver is still needed.')
    case 'already-decided':
      return no(
        ...['Too late: it was ', strong(outcomeWord(refusal.outcome))],
        ...(refusal.by.length === 0 ? [] : [' by ', ...people(refusal.by, names)]),
        ...[' at ', time(refusal.at, 'time-seconds'), '. Your click changed nothing.'],
      )
    case 'not-yours':
      return no('Only ', person(refusal.holder, names), ' can do this.')
    case 'not-active':
      return no(...notActive(refusal.status))
    case 'too-late-to-cancel':
      return no(
        `Too late to cancel: it is ${refusal.status}. `,
        code(`/access end ${refusal.grant}`),
        ' takes it away now.',
      )
    case 'extension-open':
      return no(
        ...['An extension is already under way: wait for it before you ask for another one'],
        ...(refusal.approvers.length === 0 ? ['.'] : ['. ', ...people(refusal.approvers, names), ' can sign it.']),
      )
    case 'nobody-may-approve':
      return no('Nobody may approve this at the moment. ', ...people(refusal.tell, names), ' can mend that.')
    case 'no-extension-open':
      return no(
        'There is no extension waiting for a signature: it was decided, or the access is over. Nothing is left to do.',
      )
    case 'extension-too-long':
      return refusal.leftMs < 1_000
        ? no('This access cannot be extended any further. Ask for a new one when it has ended.')
        : no(
            ...['It can last until ', time(refusal.latest, 'date-time'), ' at most. '],
            `Ask for ${formatDuration(refusal.leftMs)} or less.`,
          )
    case 'may-not-end':
      return no('You may not end this one. ', ...people(refusal.mayEnd, names), ' can.')
    case 'may-not-open-evidence':
      return no('You may not see all that is on record about this one. ', ...people(refusal.may, names), ' can.')
    case 'may-not-acknowledge':
      return no('Only compliance acknowledges a digest: ', ...people(refusal.may, names), '.')
    case 'may-not-read-digest':
      return no(
        'The digest is for compliance and for those who are told when something is wrong. ',
        ...people(refusal.may, names),
        ' can see it.',
      )
    case 'frozen': {
      const { target, by, at, why, may } = refusal
      const reason = why === '' ? ['. '] : [': ', typed(why), why.endsWith('.') ? ' ' : '. ']
      const who = may.length === 0 ? [] : [', by two of ', ...people(may, names)]
      return no(
        ...[...frozenBy(target, by, at, names), ...reason, 'No new access until it is lifted: '],
        ...[code(`/access unfreeze ${scopeWord(target)}`), ...who, '. What is active goes on.'],
      )
    }
    case 'already-frozen': {
      const reason = refusal.why === '' ? ['.'] : [': ', typed(refusal.why)]
      return no(strong('Already frozen. '), ...frozenBy(refusal.target, refusal.by, refusal.at, names), ...reason)
    }
    case 'not-frozen':
      return no(scopeSpan(refusal.target), ' is not frozen. ', code('/access list'), ' shows what is.')
    case 'may-not-freeze':
      return refusal.may.length === 0
        ? no('Nobody may freeze this, or lift it: the policy has to name somebody, under mayFreeze.')
        : no('You may not freeze this, or lift it. ', ...people(refusal.may, names), ' can.')
    case 'second-person-needed':
      return refusal.may.length === 0
        ? no('This takes two persons, and there is nobody but you. The policy has to name another, under mayFreeze.')
        : no('This takes two persons, and you are the first. It waits for ', ...anyOf(refusal.may, names), '.')
    case 'unknown-scope':
      return no(
        ...['There is no target ', typed(refusal.said), '. Name ', ...codes([...refusal.known, 'everywhere'])],
        ', before the reason.',
      )
    case 'unknown-subject':
      return refusal.known.length === 0
        ? no('I know nobody as ', typed(refusal.said), '. Write @ and their id in the policy, or their whole name.')
        : no(
            ...['There is no target ', typed(refusal.said), '. Name ', ...codes(refusal.known)],
            ', or a person with @ before their id.',
          )
    case 'ambiguous-person':
      return no(typed(refusal.said), ' may be more than one person. Write @ and the id: ', ...codes(refusal.ids), '.')
    case 'unknown-order':
      return no('There is no order ', typed(refusal.said), '. The id of one begins with R-.')
    case 'nothing-open':
      return no(subjectSpan(refusal.subject, names), ' has no open grant and no open request: nothing is to be ended.')
    case 'may-not-order':
      return refusal.may.length === 0
        ? no('Nobody may order this: the policy has to name somebody, under compliance or mayFreeze.')
        : no('You may not order this. ', ...people(refusal.may, names), ' can, two of them together.')
    case 'order-on-you':
      return no('This is about your own access: others have to sign it. ', code('/access end'), ' gives yours back.')
    case 'first-signer-gone':
      return no(person(refusal.by, names), ', who proposed it, may not order this any more. Propose it anew.')
    case 'unknown-finding':
      return no(...['There is no finding ', typed(refusal.said), '. ', code('/access findings'), ' lists them.'])
    case 'finding-changed':
      return no(
        ...[
          'The record of ',
          code(refusal.finding),
          ' was changed, so nothing is decided on it. Whoever runs Countersign finds ',
        ],
        ...['what with ', code('npm run -s countersign -- verify --log'), '; the next alarm opens a new one.'],
      )
    case 'may-not-settle':
      return refusal.may.length === 0
        ? no('Nobody may settle this finding: the policy has to name somebody, under compliance or escalateTo.')
        : no('You may not see or settle this finding. ', ...people(refusal.may, names), ' can.')
    case 'finding-taken':
      return no('You see to it already.')
    case 'finding-closed':
      return refusal.by === null
        ? no('It is closed: it was seen to be gone at ', time(refusal.at, 'date-time'), '.')
        : no('It is closed: ', person(refusal.by, names), ' did it at ', time(refusal.at, 'date-time'), '.')
    case 'finding-not-fixed':
      return no('Nobody has said yet what was done about it. Press ', strong('Fixed'), ' first, and say it.')
    case 'finding-not-retested':
      return no('Nobody has looked since the fix whether it is gone. Press ', strong('Retest'), ' first.')
    case 'finding-on-you':
      return no('This finding is about your own access: others have to look at it and close it.')
    case 'finding-own-fix':
      return refusal.may.length === 0
        ? no('You made the fix, so another person has to look and to close it, and the policy names nobody else.')
        : no('You made the fix, so another person has to look and to close it: ', ...anyOf(refusal.may, names), '.')
    case 'finding-nothing-asked':
      return no(
        'Nobody has asked to let it rest, or that time is over. Press ',
        strong('Accept until'),
        ' and say why.',
      )
    case 'finding-too-long':
      return no(
        `${formatDuration(refusal.askedMs)} is too long here. Ask for ${formatDuration(refusal.maxMs)} at most.`,
      )
    case 'finding-put-off':
      return no(
        ...(['One person puts it off by 30 days from the day that was set first, so to '] as const),
        time(refusal.until, 'date-time'),
        ' at most. Two may let it rest: press Accept until… on its card.',
      )
    case 'may-not-keep':
      return refusal.may.length === 0
        ? no('Nobody may decide what is held or erased: the policy has to name somebody, under compliance or keepers.')
        : no(
            'You may not decide what is held or erased. ',
            ...people(refusal.may, names),
            ' can, two of them together.',
          )
    case 'keeping-on-you':
      return no('This is about you: others have to sign it.')
    case 'unknown-keeping':
      return no('There is no hold or erasure ', typed(refusal.said), '. ', code('/access hold'), ' lists what is held.')
    case 'already-held':
      return no(
        ...['That is held already, by ', code(refusal.hold), ', which ', person(refusal.by, names), ' asked for at '],
        ...[time(refusal.at, 'date-time'), '.'],
      )
    case 'not-held':
      return no(code(refusal.hold), ' holds nothing: it was not placed, or it is lifted. Nothing was changed.')
    case 'held':
      return no('It is held by ', code(refusal.hold), ', so nothing of it is erased. Two have to lift that hold first.')
    case 'unknown-line':
      return no(
        ...[
          'There is no line ',
          typed(refusal.said),
          ' in a thread of mine, and no grant of that id. The evidence of a grant ',
        ],
        ...['has the ids of its lines: they look like ', code('T-7K3QF2M9'), '.'],
      )
    case 'nothing-to-redact':
      return no('Of ', code(refusal.line), ' there is nothing left to erase, and nothing waits for you.')
    case 'nothing-to-erase':
      if (refusal.kept === 0) return no('There is no text of ', person(refusal.person, names), ' on record.')
      return no(
        ...[
          'Nothing of ',
          person(refusal.person, names),
          ' can be erased now: what is there is not over, or is kept where ',
        ],
        ...['financial reporting is touched'],
        ...(refusal.from === null ? ['.'] : [', the first of it until ', time(refusal.from, 'date-time'), '.']),
      )
    case 'policy-held':
      return no(
        ...['No decision can be taken here now: this server has the policy ', code(refusal.own.slice(0, 12))],
        ...[', and ', code(refusal.active.slice(0, 12)), ' is the active one. Whoever runs Countersign either runs '],
        code(`npm run -s countersign -- policy activate ${refusal.own.slice(0, 12)} --as <person>`),
        ', or puts the active policy back. Then try again.',
      )
    case 'policy-unproved':
      return no(
        'Nothing can be given now: no witness confirms that the record of the policies is whole. It is tried again by ',
        'itself; whoever runs Countersign finds the reason at /readyz.',
      )
    case 'clock-fell-back':
      return no(
        `No decision can be taken now: the clock of the database fell back by ${formatDuration(refusal.byMs)}, and times on `,
        'record would stand in the wrong order. What you have still ends on time. Whoever runs Countersign sets the clock.',
      )
    case 'directory-unreachable':
      return no('I cannot reach the directory, so I cannot tell who may decide. Nothing was decided; try again.')
    case 'not-recorded':
      return no('Nothing was recorded: the database did not answer in time. Try again.')
    case 'unknown-outcome':
      return no('I cannot tell whether that was recorded: the database went away. Try again: it will not count twice.')
    default:
      return refusal satisfies never
  }
}

function notActive(status: string): Words {
  switch (status) {
    case 'pending':
      return ['This is not an access yet: it is pending. Wait until it is approved: I will tell you.']
    case 'planned':
    case 'providing':
      return [`This is not an active access yet: it is ${status}. Wait until it works: I will tell you.`]
    case 'active':
      return ['The time of this access is up: it is being taken away. Ask for a new one with ', code('/access'), '.']
    default:
      return [`This is not an active access: it is ${status}. Ask for a new one with `, code('/access'), '.']
  }
}

function outcomeWord(outcome: GrantOutcome): string {
  return outcome === 'failed' ? 'given up' : outcome
}

type Words = Parameters<typeof line> extends [unknown, ...infer Rest] ? Rest : never

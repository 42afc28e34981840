import { formatDuration } from '../domain/duration.ts'
import type { GrantOutcome, Refusal } from '../domain/refusal.ts'
import type { Line } from '../ports/chat.ts'
import { code, joined, line, type Names, people, person, strong, time, typed } from './text.ts'

/** A refusal in words: the thing, the value, the next step. */
export function refusalLine(refusal: Refusal, names: Names): Line {
  const no = (...parts: Parameters<typeof line> extends [unknown, ...infer Rest] ? Rest : never) =>
    line('refused', ...parts)
  const codes = (words: readonly string[]) => joined(words.map(code), ' or ')
  switch (refusal.code) {
    case 'unknown-person':
      return no('I do not know you here yet. Ask the people who run Countersign to add your account to its policy.')
    case 'left':
      return no('The directory says that ', person(refusal.person, names), ' has left. Nothing can be done as them.')
    case 'unknown-command':
      return no('I do not know ', typed(refusal.said), '. ', code('/access help'), ' lists what I understand.')
    case 'malformed':
      return no(`${refusal.what} is not valid. Expected: ${refusal.expected}`)
    case 'bad-duration':
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
      return no(`The reason needs ${refusal.hint}. Add it and send again.`)
    case 'deny-reason-required':
      return no('A denial here needs a reason. Press Deny again and say why.')
    case 'unknown-grant':
      return no('There is no request or grant ', typed(refusal.said), '. ', code('/access mine'), ' lists yours.')
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
      return no(`This is not an active access: it is ${refusal.status}.`)
    case 'extension-open':
      return no(
        'An extension is already waiting for a signature. ',
        ...people(refusal.approvers, names),
        ' can give it.',
      )
    case 'nobody-may-approve':
      return no('Nobody may approve this at the moment. ', ...people(refusal.tell, names), ' can mend that.')
    case 'no-extension-open':
      return no('There is no extension waiting for a signature.')
    case 'extension-too-long':
      return refusal.leftMs === 0
        ? no('This access cannot be extended any further. Ask for a new one when it has ended.')
        : no(
            ...['It can last until ', time(refusal.latest, 'date-time'), ' at most. '],
            `Ask for ${formatDuration(refusal.leftMs)} or less.`,
          )
    case 'may-not-end':
      return no('You may not end this one. ', ...people(refusal.mayEnd, names), ' can.')
    case 'policy-held':
      return no(
        'No decision can be taken here now: this server has a policy that is not the active one ',
        ...[code(refusal.own.slice(0, 12)), ' against ', code(refusal.active.slice(0, 12))],
        '. The people who run Countersign have to activate one of them.',
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

function outcomeWord(outcome: GrantOutcome): string {
  return outcome === 'failed' ? 'given up' : outcome
}

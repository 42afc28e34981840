import { ruleInWords } from '../domain/approvers.ts'
import { formatDuration } from '../domain/duration.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Entitlement, Target } from '../domain/policy.ts'
import type { Card, Text } from '../ports/chat.ts'
import { code, type Names, person, text, time } from './text.ts'

/** `/access help`. */
export function helpCard(): Card {
  const row = (command: string, meaning: string): Text => text(code(command), ` ${meaning}`)
  return info('What I understand', [
    row('/access prod-db 2h fix ledger INC-42', 'ask for the default access to prod-db'),
    row('/access prod-db:write 30m why', 'ask for a particular entitlement'),
    row('/access', 'open the form'),
    row('/access list', 'what you may ask for'),
    row('/access mine', 'your open requests and grants'),
    row('/access status G-7K3QF0', 'where one stands'),
    row(
      '/access evidence G-7K3QF0',
      'all that is on record about one, with the proofs: an order, a finding, freeze:prod-db too',
    ),
    row('/access evidence @ana 2026-Q4', 'the same of all requests of a period, of a person or on a target'),
    row('/access digest 2026-W47', 'what happened in a week, last or this; for compliance and who is told of faults'),
    row('/access extend G-7K3QF0 30m why', 'ask for more time'),
    row('/access done G-7K3QF0', 'give your access back'),
    row('/access end G-7K3QF0', 'end one now, also as its approver, an owner or compliance'),
    row('/access cancel G-7K3QF0', 'take a request back before anything is given'),
    row('/access freeze prod-db why', 'no new access there at once, or everywhere without a target; for its stewards'),
    row('/access unfreeze prod-db', 'lift that: the second of two persons does it'),
    row('/access revoke-all @person why', 'end all that a person has, or all on a target; two persons sign'),
    row('/access hold @person why', 'nothing of them is erased or pruned; also a target, a grant, everything; by two'),
    row('/access erase @person why', 'erase what is personal of them and may go; two persons sign'),
    row('/access findings', 'what somebody must look at, by when, and one of them by its id; for its stewards'),
    row('/access here', 'be told here from now on, and not wherever you used me last'),
    row('/access passkey', 'your passkeys, for approvals that need one; new makes one, reset takes all back'),
    row('/access link', 'a code that links your account on another chat; there: /access link CODE'),
    row('/access redact T-7K3QF2M9 why', 'erase what a line of a thread says, or the reasons of a grant; two persons'),
    row('/access help', 'this'),
  ])
}

/** `/access list`: what this person may ask for. @param frozen what is frozen, in words: said first */
export function listCard(
  offers: readonly { target: Target; entitlement: Entitlement }[],
  frozen: readonly Text[] = [],
): Card {
  if (offers.length === 0) return info('There is nothing that the policy lets you ask for', frozen)
  return info('What you may ask for', [
    ...frozen,
    ...offers.map(({ target, entitlement }) =>
      text(
        code(`${target.name}:${entitlement.name}`),
        ` ${entitlement.description === '' ? target.description : entitlement.description}.`,
        ` Up to ${formatDuration(entitlement.maxDurationMs)}; needs ${entitlement.approvals.map(ruleInWords).join(' and ')}`,
        target.defaultEntitlement === entitlement.name ? '. The default.' : '.',
      ),
    ),
  ])
}

/** `/access mine`. */
export function mineCard(grants: readonly GrantState[], names: Names): Card {
  if (grants.length === 0) return info('You have no open request and no access', [])
  return info(
    'Your open requests and grants',
    grants.map((grant) => {
      const right = code(`${grant.target}:${grant.entitlement}`)
      if (grant.status === 'active' && grant.access !== null) {
        return text(code(grant.id), ' ', right, ' active until ', time(grant.access.endsAt, 'date-time'))
      }
      const waits = grant.approvers.flatMap((a, index) => [...(index === 0 ? [] : [', ']), person(a.id, names)])
      return grant.status === 'pending'
        ? text(code(grant.id), ' ', right, ' waiting for ', ...(waits.length === 0 ? ['an approver'] : waits))
        : text(code(grant.id), ' ', right, ` ${grant.status}`)
    }),
  )
}

function info(title: string, body: readonly Text[]): Card {
  return { tone: 'info', title, badge: null, facts: [], body, buttons: [], footer: [] }
}

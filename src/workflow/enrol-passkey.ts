import { randomBytes } from 'node:crypto'
import { decidedLine, offeredLine, passkeyListCard, resetLine } from '../cards/passkey-lines.ts'
import { line, text } from '../cards/text.ts'
import {
  decideEnrolment,
  decideNoEnrolment,
  decideOffer,
  decideReset,
  type PasskeyAct,
} from '../domain/decide-passkey.ts'
import { findSubject } from '../domain/find-subject.ts'
import type { PasskeyEvent } from '../domain/passkey-event.ts'
import type { PasskeyState } from '../domain/passkey-state.ts'
import { isRefused, type Refused, refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { mintPasskeyLink, PASSKEY_LINK_MS, type PasskeyTicket, takePasskeyLink } from '../secrets/passkey-link.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { appendToPasskeys, confirmersFor, loadPasskeys, lockPasskeys, ownerOf, toChallenge } from './passkey-store.ts'
import { type Performing, performAct } from './perform-act.ts'

/** `/access passkey`: what this person has; and `/access passkey new`: a link to the page that makes one. */
export function newPasskey(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'enrol a passkey',
    decides: true,
    run: async ({ tx, now, by, policy }) => {
      const { place } = context.passkeys
      if (place === null) return refuse({ code: 'passkeys-unavailable', place: context.publicUrl })
      if ((await confirmersFor(context, policy, by)).length === 0)
        return refuse({ code: 'second-person-needed', may: [] })
      const expiresAt = now + PASSKEY_LINK_MS
      const purpose = { nonce: randomBytes(32).toString('hex'), owner: by.id, decision: 'enrol', expiresAt }
      const { inputs, challenge } = toChallenge(purpose)
      const ticket = { kind: 'enrolment', challenge, account: act.account, expiresAt } as const
      const token = await mintPasskeyLink(tx, context.sealing, ticket, inputs, now)
      const link = {
        kind: 'link',
        text: 'Make a passkey on this device',
        url: `${context.publicUrl}/passkey/${token}`,
      } as const
      return {
        answer: {
          kind: 'line',
          line: {
            tone: 'info',
            text: text(link, ', within five minutes. Then a second person confirms that it is yours.'),
          },
        },
        keep: { kind: 'line', line: line('info', 'The link was shown once already. Ask again.') },
      }
    },
  })
}

/** What came back from the page that makes a passkey. It counts for nothing until somebody else has confirmed it. */
export async function offerPasskey(
  context: Context,
  token: string,
  ticket: PasskeyTicket,
  response: unknown,
): Promise<Answer> {
  await context.passkeys.load()
  const act = { key: `passkey:${ticket.challenge}`, account: ticket.account }
  return performAct(context, act, {
    name: 'enrol a passkey',
    decides: true,
    ...aroundCommit(context),
    run: async (performing) => {
      const { tx, now, by } = performing
      const taken = await takePasskeyLink(tx, token, ticket, now)
      if (taken.kind === 'refused') return refuse({ code: 'passkey-refused', why: `link-${taken.code}` })
      const { owner } = JSON.parse(taken.inputs) as { readonly owner: string }
      if (owner !== by.id) return refuse({ code: 'passkey-refused', why: 'not-yours' })
      const { place } = context.passkeys
      if (place === null) return refuse({ code: 'passkeys-unavailable', place: context.publicUrl })
      const passkey = await context.passkeys.readNew(response, ticket.challenge, place)
      if (passkey === null) return refuse({ code: 'passkey-refused', why: 'does-not-hold' })
      const other = await ownerOf(tx, passkey.credential)
      if (other !== null && other !== owner) return refuse({ code: 'passkey-refused', why: 'known' })
      const after = await change(context, performing, owner, (state, passkeyAct) =>
        decideOffer(state, passkeyAct, passkey),
      )
      if (isRefused(after)) return after
      return { answer: { kind: 'line', line: offeredLine(after, namesOf(context)) } }
    },
  })
}

/** The buttons on the card that the second person gets. @param seq of the offer that the card shows */
export function decideOnPasskey(
  context: Context,
  act: Act,
  owner: string,
  seq: number,
  what: 'confirm' | 'decline',
): Promise<Answer> {
  return performAct(context, act, {
    name: `${what} a passkey`,
    decides: true,
    ...aroundCommit(context),
    run: async (performing) => {
      const decide = what === 'confirm' ? decideEnrolment : decideNoEnrolment
      const after = await change(context, performing, owner, (state, passkeyAct) => decide(state, passkeyAct, seq))
      if (isRefused(after)) return after
      return { answer: { kind: 'line', line: decidedLine(owner, what, namesOf(context)) } }
    },
  })
}

/** `/access passkey reset`, or `reset @ana` for her manager and compliance: nothing signs as her until she begins anew. */
export function resetPasskeys(context: Context, act: Act, said: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'reset passkeys',
    decides: false,
    run: async (performing) => {
      const owner = readOwner(act, performing, said)
      if (typeof owner !== 'string') return owner
      const after = await change(context, performing, owner, decideReset)
      if (isRefused(after)) return after
      return { answer: { kind: 'line', line: resetLine(owner, performing.by.id, namesOf(context)) } }
    },
  })
}

/** `/access passkey list`: one's own, or everybody's for compliance. */
export function listPasskeys(context: Context, act: Act): Promise<Answer> {
  return performAct(context, act, {
    name: 'list passkeys',
    decides: false,
    reads: true,
    run: async ({ tx, now, by, policy }) => {
      const all = policy.compliance.includes(by.id)
      const rows = all ? await tx<{ identity: string }[]>`select distinct identity from passkey_state` : []
      const owners = [...new Set([by.id, ...rows.map(({ identity }) => identity).sort()])]
      const states: PasskeyState[] = []
      for (const owner of owners) states.push((await loadPasskeys(context, tx, owner)).state)
      return { answer: { kind: 'card', card: passkeyListCard(states, by.id, now, namesOf(context)) } }
    },
  })
}

function readOwner(act: Act, { by, policy }: Performing, said: string): string | Refused {
  if (said === '') return by.id
  const subject = findSubject(
    policy,
    said.startsWith('@') || said.startsWith('<@') ? said : `@${said}`,
    act.account,
    [],
  )
  if (isRefused(subject)) return subject
  return subject.kind === 'person' ? subject.id : refuse({ code: 'unknown-subject', said, known: [] })
}

/** Of both persons' halves of an enrolment. */
function aroundCommit(context: Context) {
  return {
    before: () => context.reached('enrol:before-commit'),
    after: () => context.reached('enrol:after-commit'),
  }
}

async function change(
  context: Context,
  { tx, now, by, policy }: Performing,
  owner: string,
  decide: (state: PasskeyState, act: PasskeyAct) => PasskeyEvent[] | Refused,
): Promise<PasskeyState | Refused> {
  await lockPasskeys(tx, owner)
  const loaded = await loadPasskeys(context, tx, owner)
  const person = await context.directory.byId(owner)
  if (person === null) return refuse({ code: 'unknown-subject', said: owner.slice(0, 64), known: [] })
  const confirmers = await confirmersFor(context, policy, person)
  const facts = decide(loaded.state, { by: by.id, confirmers, policy, now })
  return isRefused(facts) ? facts : appendToPasskeys(context, tx, loaded, facts, now)
}

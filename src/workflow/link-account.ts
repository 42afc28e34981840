import { linkCard, linkedLine } from '../cards/link-card.ts'
import { mayHave } from '../domain/decide-link.ts'
import { MINUTE } from '../domain/duration.ts'
import { readIdBody } from '../domain/grant-event.ts'
import { refuse } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import type { Context } from './context.ts'
import { randomLetters } from './new-id.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { changePeople, type PeopleStage } from './write-people.ts'

/** Forty bits. */
const CODE_LETTERS = 8
const VALID_FOR_MS = 10 * MINUTE
const TRIES_IN_MS = 10 * MINUTE
/** Of 32⁸ codes, an account may try so many, and all together so many, in ten minutes. */
const MOST_TRIES = 5
const MOST_TRIES_OF_ALL = 200

/**
 * `/access link`: shows a code where the person is known. `/access link CODE`: typed on the other platform within ten
 * minutes, makes that account theirs. Shown once, good once, and only as a keyed digest at rest.
 */
export async function linkAccount(context: Context, act: Act, typed: string): Promise<Answer> {
  const isMember = typed === '' ? true : await mayBeLinked(context, act)
  return performAct(context, act, {
    name: typed === '' ? 'get a code' : 'link an account',
    decides: true,
    run: (performing) => (typed === '' ? showCode(context, act, performing) : typedByKnown(context, performing, typed)),
    stranger: (around) => typedByStranger(context, act, around, typed, isMember),
  })
}

/** Whom the platform calls a guest, a bot or somebody else's is nobody here, whatever code they have. */
async function mayBeLinked(context: Context, { account }: Act): Promise<boolean> {
  if (account.platform === 'local') return true
  return (await context.profileOf?.(account))?.kind === 'member'
}

async function showCode(context: Context, { account }: Act, { tx, now, by, policy }: Performing): Promise<Performed> {
  const code = randomLetters(CODE_LETTERS)
  const digest = digestOf(context, code)
  const expiresAt = now + VALID_FOR_MS
  // One at a time: the last one shown is the one that counts.
  await tx`update link_code set used_at = ${now} where identity = ${by.id} and used_at is null`
  await tx`
    insert into link_code (digest, identity, platform, expires_at)
    values (${digest}, ${by.id}, ${JSON.stringify([account.platform, account.tenant])}, ${expiresAt})`
  const links = await changePeople(context, tx, now, (stage) => {
    const { platform, tenant, id } = account
    const data = { platform, tenant, account: id, digest, expiresAt }
    stage.write(by.id, [{ type: 'link.code-shown', data }])
    return linksOf(stage, by.id)
  })
  const about = { accounts: by.accounts, links, assurance: assuranceOf(context, policy, by.id) }
  return {
    answer: { kind: 'card', card: linkCard({ ...about, code, expiresAt }) },
    keep: { kind: 'card', card: linkCard({ ...about, code: null, expiresAt }) },
  }
}

async function typedByKnown(context: Context, { tx, now, by, policy }: Performing, typed: string): Promise<Performed> {
  const found = await findCode(context, tx, typed, now)
  if (found === null || found.identity === by.id) return refuse({ code: 'already-linked' })
  // Two persons who may be one: nobody but a human can tell.
  await changePeople(context, tx, now, ({ write }) => {
    for (const [person, other] of [
      [by.id, found.identity],
      [found.identity, by.id],
    ] as const) {
      const data = { platform: 'identity', tenant: '', account: other, because: 'belongs-to-another' as const }
      write(person, [{ type: 'account.not-linked', data }])
    }
  })
  return refuse({ code: 'account-ambiguous', tell: policy.escalateTo })
}

async function typedByStranger(
  context: Context,
  { account, key }: Act,
  { tx, now, policy }: Omit<Performing, 'by'>,
  typed: string,
  isMember: boolean,
): Promise<Performed> {
  if (typed === '') return refuse({ code: 'unknown-person' })
  if (!isMember) return refuse({ code: 'link-not-a-member' })
  const { platform, tenant, id } = account
  const who = JSON.stringify([platform, tenant, id])
  const until = await throttledUntil(tx, context.sealing.digest(`link-try:${who}`), key, now)
  if (until !== null) return refuse({ code: 'link-throttled', until })
  const found = await findCode(context, tx, typed, now)
  if (found === null) return refuse({ code: 'link-code-wrong' })
  if (found.platform === JSON.stringify([platform, tenant])) return refuse({ code: 'link-same-place' })
  const person = policy.people.find((one) => one.id === found.identity)
  if (person?.status !== 'active') return refuse({ code: 'link-code-wrong' })
  const where = { platform, tenant, account: id }
  await tx`update link_code set used_at = ${now} where digest = ${found.digest}`
  const because = await changePeople(context, tx, now, ({ write }) => {
    // Whose account it is now, nobody else changing it: two codes may be typed at the same moment.
    const because = mayHave(person.id, account, context.policy.current())
    const [shownOn = ''] = JSON.parse(found.platform) as string[]
    const proof = { how: 'code', shownOn } as const
    if (because === null) write(person.id, [{ type: 'account.linked', data: { ...where, proof } }])
    else write(person.id, [{ type: 'account.not-linked', data: { ...where, because } }])
    return because
  })
  if (because !== null) return refuse({ code: 'account-ambiguous', tell: policy.escalateTo })
  return { answer: { kind: 'line', line: linkedLine(person.name) } }
}

interface FoundCode {
  readonly digest: string
  readonly identity: string
  /** Where it was shown: platform and tenant. */
  readonly platform: string
}

/** A code that is good now, locked: of any number who type it at once, one has it. */
async function findCode(context: Context, tx: Performing['tx'], typed: string, now: number): Promise<FoundCode | null> {
  const code = readIdBody(typed.toUpperCase().replaceAll(/[\s-]/g, ''))
  const [found] = await tx<FoundCode[]>`
    select digest, identity, platform from link_code
    where digest = ${digestOf(context, code)} and used_at is null and expires_at > ${now} for update`
  return found ?? null
}

/** Counts the try. @returns until when no code is taken; null when this one may be looked at */
async function throttledUntil(tx: Performing['tx'], account: string, key: string, now: number): Promise<number | null> {
  const since = now - TRIES_IN_MS
  await tx`delete from link_try where at < ${since}`
  await tx`insert into link_try (account, at, key) values (${account}, ${now}, ${key}) on conflict do nothing`
  const [counted] = await tx<{ own: number; all: number; first: number }[]>`
    select (count(*) filter (where account = ${account}))::int as own, count(*)::int as all, min(at) as first
    from link_try`
  const { own = 0, all = 0, first = now } = counted ?? {}
  return own > MOST_TRIES || all > MOST_TRIES_OF_ALL ? first + TRIES_IN_MS : null
}

function digestOf(context: Context, code: string): string {
  return context.sealing.digest(`link:${code}`)
}

function linksOf(stage: PeopleStage, id: string) {
  return stage.person(id)?.accounts ?? []
}

/** Only the directory claims one, and only where the policy takes it over. */
function assuranceOf(context: Context, policy: Performing['policy'], id: string): string | null {
  if (policy.directory?.identityAssurance !== true) return null
  const person = policy.people.find((one) => one.id === id)
  const states = [...context.people.current().persons.values()]
  const own = states.find((state) => {
    return state.id === id || (person?.externalId != null && state.profile?.externalId === person.externalId)
  })
  return own?.left === null ? own.assurance : null
}

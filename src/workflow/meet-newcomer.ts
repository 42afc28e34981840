import { inTransaction } from '../db/in-transaction.ts'
import { type AccountProfile, decideLink, type LinkDecision } from '../domain/decide-link.ts'
import { refuse } from '../domain/refusal.ts'
import type { Account, Act, Answer } from '../ports/chat.ts'
import { DirectoryUnreachable } from '../ports/directory.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { performAct } from './perform-act.ts'
import { changePeople } from './write-people.ts'

/** Whoever is nobody is looked at again after this long: a platform takes only so many questions. */
const AGAIN_MS = 60_000
/** Whom the platform could not be asked about: it may be back at once. */
const ASK_AGAIN_MS = 5_000
const MOST_KEPT = 5_000

/**
 * Before anything else: an account that nobody is known by may be somebody's, by the rules of the policy. Where that
 * cannot be told apart, nothing is linked, and those who can settle it are told.
 * @returns what the person hears instead of an answer; null when their act goes on
 */
export async function meet(context: Context, act: Act): Promise<Answer | null> {
  const { account } = act
  if (context.policy.current().directory === null) return null
  await context.people.look(context.db).catch(() => undefined)
  if (await isKnown(context, account)) return null
  const known = seenOf(context)
  const key = JSON.stringify([account.platform, account.tenant, account.id])
  if ((known.get(key) ?? 0) > context.clock.now()) return null
  const asks = isWorthAsking(context, account)
  const profile = asks ? await profileOf(context, account) : null
  const decision = await link(context, account, profile)
  if (decision.outcome === 'nobody') {
    if (known.size >= MOST_KEPT) known.clear()
    known.set(key, context.clock.now() + (asks && profile === null ? ASK_AGAIN_MS : AGAIN_MS))
  }
  if (decision.outcome !== 'refused') return null
  const refusal = refuse({ code: 'account-ambiguous', tell: context.policy.current().escalateTo })
  const no = async () => refusal
  return performAct(context, act, { name: 'act from this account', decides: false, run: no, stranger: no })
}

const MEMBER: AccountProfile = { kind: 'member', confirmedEmail: null }

/** In Teams an address counts for nothing: only whom the directory names by their object id is asked about. */
function isWorthAsking(context: Context, account: Account): boolean {
  if (account.platform !== 'teams') return account.platform === 'slack'
  return decideLink(account, MEMBER, context.policy.current(), context.people.current()).outcome !== 'nobody'
}

async function isKnown(context: Context, account: Account): Promise<boolean> {
  try {
    return (await context.directory.byAccount(account)) !== null
  } catch (error) {
    // The act itself says so.
    if (error instanceof DirectoryUnreachable) return true
    throw error
  }
}

async function profileOf(context: Context, account: Account): Promise<AccountProfile | null> {
  return (await context.profileOf?.(account)) ?? null
}

async function link(context: Context, account: Account, profile: AccountProfile | null): Promise<LinkDecision> {
  const quick = decideLink(account, profile, context.policy.current(), context.people.current())
  if (quick.outcome === 'nobody') return quick
  const decision = await decideAgain(() =>
    inTransaction(context.db, { timeoutMs: 2_000 }, (tx) =>
      changePeople(context, tx, context.clock.now(), ({ people, write, person }): LinkDecision => {
        const found = decideLink(account, profile, context.policy.current(), people)
        const { platform, tenant, id } = account
        const where = { platform, tenant, account: id }
        if (found.outcome === 'refused') {
          const { because, about } = found
          // Said once for each: they may try as often as they like.
          const fresh = about.filter((one) => person(one)?.notLinked.includes(JSON.stringify(where)) !== true)
          for (const one of fresh) write(one, [{ type: 'account.not-linked', data: { ...where, because } }])
        } else if (found.outcome === 'link') {
          write(found.person, [{ type: 'account.linked', data: { ...where, proof: found.proof } }])
        }
        return found
      }),
    ),
  )
  context.committed()
  return decision
}

function seenOf(context: Context): Map<string, number> {
  const seen = strangers.get(context.people) ?? new Map<string, number>()
  strangers.set(context.people, seen)
  return seen
}

const strangers = new WeakMap<object, Map<string, number>>()

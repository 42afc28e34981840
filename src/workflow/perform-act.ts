import { refusalLine } from '../cards/refusal-line.ts'
import { classifyFailure } from '../db/failure.ts'
import { inTransaction } from '../db/in-transaction.ts'
import type { Tx } from '../db/transaction.ts'
import { findingStream } from '../domain/finding-event.ts'
import { type ActRefused, grantStream } from '../domain/grant-event.ts'
import { orderStream } from '../domain/order-event.ts'
import { personStream } from '../domain/person-event.ts'
import type { Policy } from '../domain/policy.ts'
import type { Refusal, Refused } from '../domain/refusal.ts'
import { isRefused } from '../domain/refusal.ts'
import type { Act, Answer } from '../ports/chat.ts'
import { DirectoryUnreachable, type Identity } from '../ports/directory.ts'
import type { ActOutcome } from '../telemetry/observer.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { decideAgain } from './decide-again.ts'
import { loadFinding } from './finding-store.ts'
import { appendToGrant, loadGrant, toDraft } from './grant-store.ts'
import { loadOrder } from './order-store.ts'
import { strangerStream } from './stranger.ts'
import { noteHeard } from './where-to-tell.ts'

/** What a verb is given: the open transaction, the time, and who acts. */
export interface Performing {
  readonly tx: Tx
  readonly now: number
  readonly by: Identity
  /** One for the whole act: the policy in force; for what needs none, the active one as far as it is known here. */
  readonly policy: Policy
}

/** A verb's result: an answer; or a refusal, kept in the stream of the grant, the order or the finding when it names one. */
export type Performed =
  | { readonly answer: Answer /** Kept for a repeat, where the answer itself must not be. */; readonly keep?: Answer }
  | RefusedAct

export type RefusedAct = Refused & { readonly grant?: string; readonly order?: string; readonly finding?: string }

export interface Verb {
  /** In words that follow "tried to": `approve`, `ask for access`. */
  readonly name: string
  /** True when the act needs the active policy: nothing is decided by a policy that is not in force. */
  readonly decides: boolean
  /** What somebody may do who is nobody here yet; when left out, nothing. */
  readonly stranger?: (around: Omit<Performing, 'by'>) => Promise<Performed>
  /** True when it only looks: a repeat may look again, so its answer is not kept. */
  readonly reads?: boolean
  /** Does it in a transaction that it shares with others. Null: nothing was written, it is done by itself. */
  readonly together?: () => Promise<Answer | null>
  /** Called before and after the commit. */
  readonly before?: () => Promise<void>
  readonly after?: () => Promise<void>
  run(performing: Performing): Promise<Performed>
}

/** Statement and lock time of one act: an answer must leave within three seconds. */
const ACT_BUDGET_MS = 2_000

/**
 * Does one act of a person once: who is it, does the act stand, one transaction with its key, its
 * events and its answer. A repeat of the same key returns the first answer. A person always gets an
 * answer; "not recorded" is said only when it is known.
 */
export async function performAct(context: Context, act: Act, verb: Verb): Promise<Answer> {
  const since = context.clock.now()
  let outcome: ActOutcome = 'failed'
  try {
    const done = await perform(context, act, verb)
    outcome = done.outcome
    return done.answer
  } finally {
    context.observe.act(verb.name, outcome, context.clock.now() - since)
  }
}

async function perform(context: Context, act: Act, verb: Verb): Promise<Done> {
  try {
    const answer = (await verb.together?.()) ?? null
    if (answer !== null) return { answer, outcome: 'answered' }
    return await decideAgain(() => attempt(context, act, verb))
  } catch (error) {
    return await afterFailure(context, act, error)
  }
}

async function attempt(context: Context, act: Act, verb: Verb): Promise<Done> {
  const done = await inTransaction(context.db, { timeoutMs: ACT_BUDGET_MS }, async (tx): Promise<Done> => {
    const [first, inForce] = await Promise.all([firstAnswer(context, tx, act.key), context.policy.inForce(tx)])
    if (first !== null) return { answer: first, outcome: 'repeated' }
    const now = context.clock.now()
    const held = isRefused(inForce) ? inForce : null
    const policy = isRefused(inForce) ? context.policy.current() : inForce
    const who = await whoActs(context, act)
    const by = who === 'unreachable' ? null : who
    const performed = await performAs(who, held, verb, { tx, now, policy })
    const result = isRefused(performed)
      ? await keepRefusal(context, tx, act, by, verb, performed, now)
      : performed.answer
    const outcome = isRefused(performed) ? 'refused' : 'answered'
    if (verb.reads === true && !isRefused(performed)) return { answer: result, outcome }
    const kept = isRefused(performed) ? result : (performed.keep ?? performed.answer)
    const sealed = context.sealing.seal(JSON.stringify(kept), `act:${act.key}`)
    await tx`insert into act (key, at, answer) values (${act.key}, ${now}, ${sealed})`
    if (by !== null) await noteHeard(context, tx, [{ identity: by.id, platform: act.account.platform }])
    await verb.before?.()
    return { answer: result, outcome }
  })
  context.committed()
  await verb.after?.()
  return done
}

/** What the person hears, and in which way it ended, for the metrics. */
interface Done {
  readonly answer: Answer
  readonly outcome: ActOutcome
}

type Who = Identity | null | 'unreachable'

/** An unreachable directory is a refusal, not a fault: no step is skipped because nobody could be asked. */
async function whoActs(context: Context, act: Act): Promise<Who> {
  try {
    return await context.directory.byAccount(act.account)
  } catch (error) {
    if (error instanceof DirectoryUnreachable) return 'unreachable'
    throw error
  }
}

async function performAs(
  by: Who,
  held: Refused | null,
  verb: Verb,
  around: Omit<Performing, 'by'>,
): Promise<Performed> {
  if (by === 'unreachable') return { refused: { code: 'directory-unreachable' } }
  if (by === null) return verb.stranger?.(around) ?? { refused: { code: 'unknown-person' } }
  if (by.status === 'left') return { refused: { code: 'left', person: by.id } }
  if (verb.decides && held !== null) return held
  try {
    return await verb.run({ ...around, by })
  } catch (error) {
    if (error instanceof DirectoryUnreachable) return { refused: { code: 'directory-unreachable' } }
    throw error
  }
}

/** Writes a refusal where it belongs: the stream of an open grant, order or finding, else of whoever tried. */
async function keepRefusal(
  context: Context,
  tx: Tx,
  act: Act,
  by: Identity | null,
  verb: Verb,
  refused: RefusedAct,
  now: number,
): Promise<Answer> {
  const fact = refusedFact(by?.id ?? null, verb.name, refused.refused)
  const grant = refused.grant === undefined ? null : await loadGrant(context, tx, refused.grant)
  if (grant !== null && !grant.state.closed) {
    await appendToGrant(context, tx, grant.state.id, grant.state, [fact], now)
  } else {
    const order = refused.order === undefined ? null : await loadOrder(context, tx, refused.order)
    const finding = refused.finding === undefined ? null : await loadFinding(context, tx, refused.finding)
    const own =
      grant !== null
        ? grantStream(grant.state.id)
        : order !== null
          ? orderStream(order.state.id)
          : finding !== null
            ? findingStream(finding.state.id)
            : null
    const over = (order ?? finding)?.state.closed ?? true
    const stream = own === null ? actorsStream(act, by) : over ? `after:${own}` : own
    await context.record.append(tx, stream, null, [toDraft(fact)], now)
  }
  return { kind: 'line', line: refusalLine(refused.refused, namesOf(context)) }
}

function actorsStream(act: Act, by: Identity | null): string {
  return by === null ? strangerStream(act.account) : personStream(by.id)
}

function refusedFact(by: string | null, act: string, refusal: Refusal): ActRefused {
  const { code, ...facts } = refusal
  const said = 'said' in refusal ? refusal.said : ''
  const { said: _, why: __, ...open } = facts as { said?: string; why?: string } & Record<string, unknown>
  return { type: 'act.refused', data: { by, act, code, facts: open, said } }
}

async function firstAnswer(context: Context, db: Tx | Context['db'], key: string): Promise<Answer | null> {
  const [row] = await db<{ answer: Buffer }[]>`select answer from act where key = ${key}`
  return row === undefined ? null : (JSON.parse(context.sealing.open(row.answer, `act:${key}`)) as Answer)
}

/** After a failure: was it recorded all the same? The act's own key tells. */
async function afterFailure(context: Context, act: Act, error: unknown): Promise<Done> {
  const failure = classifyFailure(error)
  if (failure === 'refused' && !isDuplicateAct(error)) throw error
  try {
    const first = await firstAnswer(context, context.db, act.key)
    if (first !== null) return { answer: first, outcome: 'answered' }
    if (failure !== 'unknown') return notRecorded(context)
  } catch {
    if (failure === 'not-recorded') return notRecorded(context)
  }
  return { answer: line({ code: 'unknown-outcome' }, context), outcome: 'unknown' }
}

function notRecorded(context: Context): Done {
  return { answer: line({ code: 'not-recorded' }, context), outcome: 'not-recorded' }
}

function isDuplicateAct(error: unknown): boolean {
  return (error as { constraint_name?: string }).constraint_name === 'act_pkey'
}

function line(refusal: Refusal, context: Context): Answer {
  return { kind: 'line', line: refusalLine(refusal, namesOf(context)) }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Check, Residual, TargetGrant, Verification } from '../../ports/connector.ts'
import { check, listOr, NOT_SEEN } from './check.ts'
import { factsOf } from './explain-failure.ts'
import { describeProbe, probeLogin } from './login-probe.ts'
import { namesOf, type Observation, observe } from './observe.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'
import { readResiduals } from './read-residuals.ts'
import { newPassword } from './scram.ts'

/** Looks whether the access is gone. Changes nothing. What cannot be asked is `indeterminate`, never `removed`. */
export async function verifyRemoved(target: PostgresTarget, grant: TargetGrant): Promise<Verification> {
  requireOwn(target, grant)
  try {
    const seen = await settled(target, grant)
    const checks = [...looks(seen), await loginRefused(target, grant)]
    const { residuals, unread } = await residualsOf(target, grant, seen)
    checks.push(...unread)
    return { verdict: verdictOf(checks), checks, residuals }
  } catch (error) {
    const unseen = {
      name: 'target',
      expected: 'answers',
      observed: `${NOT_SEEN}: ${factsOf(error).message}`,
      ok: false,
    }
    return { verdict: 'indeterminate', checks: [unseen], residuals: [] }
  }
}

/** What was seen to be there outweighs what could not be seen. */
function verdictOf(checks: readonly Check[]): Verification['verdict'] {
  const failed = checks.filter(({ ok }) => !ok)
  if (failed.some(({ observed }) => !observed.startsWith(NOT_SEEN))) return 'still-present'
  return failed.length > 0 ? 'indeterminate' : 'removed'
}

/** A backend that is only just starting gets the time to say whose it is. */
async function settled(target: PostgresTarget, grant: TargetGrant): Promise<Observation> {
  const { hiddenMs, pollMs } = target.patience
  for (let waitedMs = 0; ; waitedMs += pollMs) {
    const seen = await observe(target, grant)
    if (seen.nameless.length === 0 || waitedMs >= hiddenMs) return seen
    await sleep(pollMs)
  }
}

function looks(seen: Observation): Check[] {
  const { roleOid, nameless, ownerless } = seen
  const dependencies = seen.dependencies.map(({ database, count }) => `${count} in ${database}`)
  return [
    check('role in the catalogue', 'absent', namesOf(seen)),
    roleOid === null
      ? // Never made by us, as far as the target remembers: nobody's session may be ours.
        check('sessions without a role (no OID is known)', '0', String(ownerless))
      : check(`sessions of role OID ${roleOid}`, '0', String(seen.sessions.length)),
    {
      name: 'backends let in before the end that hide their name',
      expected: '0',
      observed: nameless.length === 0 ? '0' : `${NOT_SEEN}: ${nameless.length} do not say whose they are`,
      ok: nameless.length === 0,
    },
    check('memberships', 'none', listOr('none', [...seen.memberships.map(({ role }) => role), ...seen.members])),
    check('what depends on the role', 'nothing', listOr('nothing', dependencies)),
    check('prepared transactions', 'none', listOr('none', seen.prepared)),
  ]
}

/** The positive control is the bot's own login, which has just answered, and the one made when the access was given. */
async function loginRefused(target: PostgresTarget, { account }: TargetGrant): Promise<Check> {
  const probe = await probeLogin(target, account, newPassword())
  return { name: 'login', expected: 'refused', observed: describeProbe(probe), ok: probe.outcome === 'refused' }
}

async function residualsOf(
  target: PostgresTarget,
  grant: TargetGrant,
  seen: Observation,
): Promise<{ residuals: Residual[]; unread: Check[] }> {
  try {
    return { residuals: await readResiduals(target, grant, seen), unread: [] }
  } catch (error) {
    const observed = `${NOT_SEEN}: ${factsOf(error).message}`
    return { residuals: [], unread: [{ name: 'list of what was left behind', expected: 'read', observed, ok: false }] }
  }
}

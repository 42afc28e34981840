import { type Check, ConnectorError, type ProvisionObservation, type TargetGrant } from '../../ports/connector.ts'
import { tagOf } from './account-tag.ts'
import { findBotFaults } from './bot-privileges.ts'
import { check, instantOr, listOr, requireAll } from './check.ts'
import { describeProbe, NO_ROLE, probeLogin } from './login-probe.ts'
import { namesOf, type Observation, observe } from './observe.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'
import { newPassword, scramVerifier, unusableVerifier } from './scram.ts'

/**
 * Makes the temporary login, then looks that it works: a throw-away password is let in and holds the
 * role, and once it is replaced by nothing usable it is refused. The refusal shows that passwords count
 * here at all, which is what makes a refused login worth something when the access has ended.
 *
 * @throws ConnectorError `VerificationFailed` when what was made is not what was asked for
 */
export async function provision(
  target: PostgresTarget,
  grant: TargetGrant,
  nativeExpiry: number,
): Promise<ProvisionObservation> {
  requireOwn(target, grant)
  const { sessions, clock, allow, connectionLimit, origin } = target
  const { id, account, grants } = grant
  const where = `${target.name}/${account}`
  if (allow && !allow.includes(grants)) {
    throw new ConnectorError('PrivilegeMissing', `${where}: the policy of ${target.name} does not give ${grants}`)
  }
  const [excess] = (await findBotFaults(target)).filter(({ severity }) => severity === 'blocking')
  if (excess) throw new ConnectorError(excess.code, excess.message)

  const password = newPassword()
  const verifier = await scramVerifier(password)
  await sessions.act(
    (sql) => sql`select jit.provision(${account}, ${id}, ${origin}, ${grants}, ${verifier},
      ${nativeExpiry}::bigint, ${connectionLimit}::integer, ${clock.now()}::bigint)`,
  )
  const seen = await observe(target, grant)
  const role = seen.roles[0]
  const checks: Check[] = [
    check('role', account, namesOf(seen)),
    check('tag', tagOf({ grantId: id, origin }), role?.tag ?? 'none'),
    check('may log in', 'yes', role?.canLogin ? 'yes' : 'no'),
    check('attributes beyond a login', 'none', listOr('none', role?.powers ?? [])),
    check('native expiry', instantOr('none', nativeExpiry), instantOr('none', role?.validUntilMs ?? null)),
    check('most sessions', String(connectionLimit), String(role?.connectionLimit)),
    check(
      'memberships',
      seen.givesCopies ? `${grants} (its privileges, copied)` : `${grants} (inherit)`,
      listOr('none', seen.memberships.map(describeMembership)),
    ),
  ]
  requireAll(where, checks)

  const accepted = describeProbe(await probeLogin(target, account, password))
  const unusable = await unusableVerifier()
  await sessions.act((sql) => sql`select jit.set_verifier(${account}, ${id}, ${unusable}, ${clock.now()}::bigint)`)
  const holds = seen.givesCopies ? NO_ROLE : await rolesIn(target, grant)
  checks.push(check('login with a throw-away password', `let in as ${account}, holding ${holds}`, accepted))
  const after = await probeLogin(target, account, password)
  checks.push(check('login once the throw-away password is gone', 'refused (28P01)', describeProbe(after)))
  requireAll(where, checks)
  return { account, nativeExpiry: role?.validUntilMs ?? null, checks }
}

/** A role may itself be a member of others: what it brings is what its own members hold, no more. */
async function rolesIn(target: PostgresTarget, { grants }: TargetGrant): Promise<string> {
  const [row] = await target.sessions.read(
    (sql) => sql<{ holds: string }[]>`
      select array_to_string(array(
        select r.rolname from pg_roles r where pg_has_role(${grants}::name, r.oid, 'USAGE') order by 1
      ), ', ') as holds`,
  )
  return row?.holds ?? ''
}

function describeMembership({ role, inherit, set, admin, copied }: Membership): string {
  if (copied) return `${role} (its privileges, copied)`
  const options = [inherit && 'inherit', set && 'set', admin && 'admin'].filter(Boolean)
  return `${role} (${options.join(', ')})`
}

type Membership = Observation['memberships'][number]

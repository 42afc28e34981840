import { type Check, ConnectorError, type StepObservation, type TargetGrant } from '../../ports/connector.ts'
import { actPastSessions } from './act-past-sessions.ts'
import { check } from './check.ts'
import { describeProbe, probeLogin } from './login-probe.ts'
import { observe } from './observe.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'
import { newPassword, scramVerifier } from './scram.ts'

/**
 * Stops new logins: marked as ending, then NOLOGIN, then no password at all, each committed. Before the
 * last, a password that is right for this moment is tried: the server answers 28000 only to the right
 * one of a closed login, so that is the one refusal that proves the closing, not a typing error.
 */
export async function disable(target: PostgresTarget, grant: TargetGrant): Promise<StepObservation> {
  requireOwn(target, grant)
  const { sessions, clock } = target
  const { id, account } = grant
  let endedSessions = false
  const close = async (verifier: string | null) => {
    const step = await actPastSessions(target, grant, (sql) => sql`select jit.disable(${account}, ${id}, ${verifier})`)
    endedSessions ||= step.endedSessions
  }

  await sessions.act((sql) => sql`select jit.mark_disabled(${account}, ${id}, ${clock.now()}::bigint)`)
  const password = newPassword()
  await close(await scramVerifier(password))
  const before = await observe(target, grant)
  if (before.roles.length === 0) {
    return {
      summary: `no account ${account}: it cannot be made any more`,
      checks: [check('role', 'absent', 'absent')],
      residuals: [],
    }
  }
  const probe = await probeLogin(target, account, password)
  if (probe.outcome === 'accepted') {
    throw new ConnectorError(
      'VerificationFailed',
      `${target.name}/${account}: closed, and still ${describeProbe(probe)}`,
    )
  }
  await close(null)
  const seen = await observe(target, grant)
  const role = seen.roles[0]
  const checks: Check[] = [
    check('may log in', 'no', role?.canLogin ? 'yes' : 'no'),
    check('password', 'none', role?.hasPassword ? 'set' : 'none'),
    {
      name: 'login with the right password',
      expected: 'refused (28000)',
      observed: describeProbe(probe),
      // Past its native expiry even the right password is "wrong" to the server.
      ok: probe.outcome === 'refused',
    },
  ]
  const summary = `new logins are refused${endedSessions ? '; sessions that held this up were ended' : ''}`
  return { summary, checks, residuals: [] }
}

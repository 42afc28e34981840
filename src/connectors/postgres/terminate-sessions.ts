import { setTimeout as sleep } from 'node:timers/promises'
import { counted } from '../../domain/counted.ts'
import { ConnectorError, type StepObservation, type TargetGrant } from '../../ports/connector.ts'
import { killSessions } from './act-past-sessions.ts'
import { check } from './check.ts'
import { type Nameless, observe } from './observe.ts'
import { type PostgresTarget, requireOwn } from './postgres-target.ts'

/**
 * Ends every session of a disabled account, until one look shows none. Backends that were let in before
 * the account was closed and still do not say whose they are get a moment to become ready, and are
 * ended after it: one of them may be the person, hiding from the count with `post_auth_delay`. It may
 * also be somebody else who hides, or who is slow to type a password; they can connect again.
 *
 * @throws ConnectorError `Conflict` when the account can still log in: who is ended would come back
 * @throws ConnectorError `VerificationFailed` when some are still there after `patience.quietMs`
 */
export async function terminateSessions(target: PostgresTarget, grant: TargetGrant): Promise<StepObservation> {
  requireOwn(target, grant)
  const { sessions, patience } = target
  const { account } = grant
  const since = new Map<string, number>()
  const ended = new Set<number>()
  let hiding: readonly Nameless[] = []
  for (let waitedMs = 0; ; waitedMs += patience.pollMs) {
    for (const pid of await killSessions(sessions, grant, hiding)) ended.add(pid)
    const seen = await observe(target, grant)
    if (seen.roles.some(({ canLogin }) => canLogin)) {
      throw new ConnectorError('Conflict', `${target.name}/${account} can still log in: disable it first`)
    }
    const [left, starting] = [seen.sessions.length, seen.nameless.length]
    if (left === 0 && starting === 0) break
    if (waitedMs >= patience.hiddenMs + patience.quietMs) {
      throw new ConnectorError(
        'VerificationFailed',
        `${target.name}/${account}: ${left} sessions and ${starting} nameless backends are still there`,
      )
    }
    for (const { pid, vxid } of seen.nameless) if (!since.has(`${pid} ${vxid}`)) since.set(`${pid} ${vxid}`, waitedMs)
    hiding = seen.nameless.filter(({ pid, vxid }) => waitedMs - (since.get(`${pid} ${vxid}`) ?? 0) >= patience.hiddenMs)
    await sleep(patience.pollMs)
  }
  return {
    summary: `${counted(ended.size, 'session')} ended`,
    checks: [check('live sessions', '0', '0'), check('backends that hide their name', '0', '0')],
    residuals: [],
  }
}

import { HOUR } from '../../src/domain/duration.ts'
import type { GrantEvent } from '../../src/domain/grant-event.ts'

/** Everything about an active grant of Ana whose extension Marcus has signed, up to the target being told. */
export function signedExtension(at: number): GrantEvent[] {
  const signature = { by: 'marcus', as: ['manager'], policy: 'p', assurance: 'click-only' } as const
  const approvers = [{ id: 'marcus', as: ['manager'] }]
  const account = 'jit_g_7k3qf0'
  const [endsAt, until] = [at + HOUR, at + 2 * HOUR]
  return [
    {
      type: 'request.asked',
      data: {
        ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', grants: 'ledger_read', durationMs: HOUR },
        ...{
          reason: 'fix it',
          channel: 'access',
          pendingUntil: until,
          policy: 'p',
          approvers,
          rules: ['1 of manager'],
        },
      },
    },
    { type: 'request.signed', data: signature },
    { type: 'request.approved', data: { by: ['marcus'], policy: 'p', usableUntil: until } },
    {
      type: 'grant.providing',
      data: { account, endsBy: endsAt, nativeExpiry: endsAt, checkpointSize: 1, policy: 'p' },
    },
    {
      type: 'grant.active',
      data: { account, activatedAt: at, endsAt, warnAt: endsAt, nativeExpiry: endsAt, checks: [] },
    },
    {
      type: 'extension.asked',
      data: { by: 'ana', durationMs: HOUR, until, reason: 'more', policy: 'p', approvers },
    },
    { type: 'extension.signed', data: signature },
    { type: 'extension.approved', data: { by: ['marcus'], until, policy: 'p' } },
  ]
}

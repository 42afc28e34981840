import { setTimeout as sleep } from 'node:timers/promises'
import type { Connector } from '../src/ports/connector.ts'

/** A target that does nothing, and takes so long for it. */
export function createSlowConnector(callMs: number): Connector {
  const seen = async () => {
    await sleep(callMs)
    const checks = [{ name: 'account', expected: 'closed', observed: 'closed', ok: true }]
    return { summary: 'done', checks, residuals: [] }
  }
  return {
    kind: 'slow',
    capabilities: {
      ...{ holding: 'per-grant', nativeExpiry: true, endsSessions: true, proof: 'read-back', secret: 'none' },
    },
    accountFor: (id) => `slow_${id}`,
    checkPreconditions: async () => [],
    describeEntitlements: async () => [],
    provision: async ({ account }, nativeExpiry) => ({ account, nativeExpiry, checks: (await seen()).checks }),
    moveExpiry: async (_grant, nativeExpiry) => nativeExpiry,
    issueSecret: async () => ({ fields: [], command: null }),
    disable: seen,
    terminateSessions: seen,
    remove: seen,
    verifyRemoved: async () => ({ verdict: 'removed', ...(await seen()) }),
    listGrants: async () => [],
    close: async () => undefined,
  }
}

import { createHash } from 'node:crypto'
import type { ActivityReader } from '../ports/activity.ts'
import { type Check, type Connector, ConnectorError, type Residual, type StepObservation } from '../ports/connector.ts'

const MOST_CHARACTERS = 300
const MOST_RESIDUALS = 50
/** In JSON, where one character can be six bytes. With all the rest, far below what an event may hold. */
const MOST_RESIDUAL_BYTES = 24 * 1024

/**
 * The same connector, saying no more than an event can hold. What a target shows is partly the work of
 * the person who held it: with enough of it they could keep the end of their access from being written down.
 */
export function boundConnector(connector: Connector): Connector {
  return {
    kind: connector.kind,
    capabilities: connector.capabilities,
    accountFor: (grantId) => connector.accountFor(grantId),
    async checkPreconditions() {
      const faults = await bounded(connector.checkPreconditions())
      return faults.map((fault) => ({ ...fault, message: cut(fault.message) }))
    },
    describeEntitlements: () => bounded(connector.describeEntitlements()),
    async provision(grant, nativeExpiry) {
      const seen = await bounded(connector.provision(grant, nativeExpiry))
      return { ...seen, checks: seen.checks.map(boundCheck) }
    },
    moveExpiry: (grant, nativeExpiry) => bounded(connector.moveExpiry(grant, nativeExpiry)),
    issueSecret: (grant) => bounded(connector.issueSecret(grant)),
    disable: async (grant) => boundStep(await bounded(connector.disable(grant))),
    terminateSessions: async (grant) => boundStep(await bounded(connector.terminateSessions(grant))),
    remove: async (grant) => boundStep(await bounded(connector.remove(grant))),
    verifyRemoved: async (grant) => boundSeen(await bounded(connector.verifyRemoved(grant))),
    async listGrants() {
      const found = await bounded(connector.listGrants())
      return found.map((one) => (one.notes === undefined ? one : { ...one, notes: one.notes.map(cut) }))
    },
    ...(connector.activity !== undefined && { activity: boundActivity(connector.activity) }),
    close: () => connector.close(),
  }
}

/** The reader keeps its own bounds: here only what it says when it fails. */
function boundActivity(reader: ActivityReader): ActivityReader {
  return { read: (cursor, since) => bounded(reader.read(cursor, since)) }
}

function boundStep(seen: StepObservation): StepObservation {
  return { ...boundSeen(seen), summary: cut(seen.summary) }
}

function boundSeen<T extends { readonly checks: readonly Check[]; readonly residuals: readonly Residual[] }>(
  seen: T,
): T {
  return { ...seen, checks: seen.checks.map(boundCheck), residuals: boundResiduals(seen.residuals) }
}

function boundCheck({ name, expected, observed, ok }: Check): Check {
  return { name: cut(name), expected: cut(expected), observed: cut(observed), ok }
}

/** The first of them, then one that counts the rest and commits to all: the same things have the same digest. */
function boundResiduals(all: readonly Residual[]): Residual[] {
  const kept: Residual[] = []
  let bytes = 0
  for (const { kind, what } of all) {
    const residual = { kind, what: cut(what) }
    bytes += Buffer.byteLength(JSON.stringify(residual))
    if (kept.length === MOST_RESIDUALS || bytes > MOST_RESIDUAL_BYTES) break
    kept.push(residual)
  }
  const next = all[kept.length]
  if (next === undefined) return kept
  const digest = createHash('sha256')
  for (const { kind, what } of all) digest.update(`${JSON.stringify([kind, what])}\n`)
  const what = `and ${all.length - kept.length} more; SHA-256 of all ${all.length}: ${digest.digest('hex')}`
  return [...kept, { kind: next.kind, what }]
}

async function bounded<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer
  } catch (error) {
    if (!(error instanceof ConnectorError) || error.message.length <= MOST_CHARACTERS) throw error
    const { code, message, cause, retryAfterMs } = error
    throw new ConnectorError(code, cut(message), { cause, ...(retryAfterMs !== null && { retryAfterMs }) })
  }
}

/** Visibly, and never through the middle of a code point. */
function cut(text: string): string {
  if (text.length <= MOST_CHARACTERS) return text
  return `${text.slice(0, MOST_CHARACTERS - 1).replace(/[\uD800-\uDBFF]$/, '')}…`
}

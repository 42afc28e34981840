import type { Policy, Target } from '../domain/policy.ts'
import type { Connector } from '../ports/connector.ts'

/** The adapters of the targets, each made when it is first needed. */
export interface TargetConnectors {
  /** To give access: as this policy says, or not at all. @throws whatever `resolve` throws */
  toGive(policy: Policy, target: string): Connector | null
  /**
   * To look and to take away: the last that is known under this name, in the newest policy that ever was
   * active and whose secret can still be read. A target that left the policy, or whose variable is not set any
   * more, still holds what was given there.
   */
  known(target: string): Connector | null
  /** Every target that this record ever gave access to, as far as it can be reached. */
  names(): string[]
  close(): Promise<void>
}

export function createTargetConnectors(options: {
  readonly everActive: () => Iterable<Policy>
  /** @throws when the secret cannot be read */
  readonly resolve: (reference: string) => string
  readonly make: (target: Target, url: string) => Connector
}): TargetConnectors {
  const { everActive, resolve, make } = options
  /** By what the policy says, so that no secret is a key; a secret that was rotated makes a new one. */
  const made = new Map<string, { url: string; connector: Connector }>()
  const last = new Map<string, Connector>()
  const all: Connector[] = []

  function connectorOf(target: Target): Connector {
    const { name, connector: settings, entitlements } = target
    const url = resolve(settings.url)
    const key = JSON.stringify([name, settings, Object.values(entitlements).map(({ grants }) => grants)])
    let found = made.get(key)
    if (found?.url !== url) {
      found = { url, connector: make(target, url) }
      made.set(key, found)
      all.push(found.connector)
    }
    last.set(name, found.connector)
    return found.connector
  }

  function known(name: string): Connector | null {
    for (const policy of everActive()) {
      const target = targetIn(policy, name)
      if (target === null) continue
      try {
        return connectorOf(target)
      } catch {
        const before = last.get(name)
        if (before !== undefined) return before
      }
    }
    return last.get(name) ?? null
  }

  return {
    known,
    toGive(policy, name) {
      const target = targetIn(policy, name)
      return target === null ? null : connectorOf(target)
    },
    names: () => [...new Set([...everActive()].flatMap((policy) => Object.keys(policy.targets)))],
    async close() {
      for (const connector of all) await connector.close()
    },
  }
}

function targetIn(policy: Policy, name: string): Target | null {
  return Object.hasOwn(policy.targets, name) ? (policy.targets[name] ?? null) : null
}

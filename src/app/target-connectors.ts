import type { Policy, Target } from '../domain/policy.ts'
import { sameServer } from '../domain/same-server.ts'
import type { Connector } from '../ports/connector.ts'

/** The adapters of the targets, each made when it is first needed. */
export interface TargetConnectors {
  /** To give access: as this policy says, or not at all. @throws whatever `resolve` throws */
  toGive(policy: Policy, target: string): Connector | null
  /**
   * To look and to take away: the last that is known under this name, in the newest policy that ever was
   * active and whose secret can still be read. A target that left the policy, or whose variable is not set any
   * more, still holds what was given there.
   * @param givenUnder the policy under which an access was given: then only the server that it names is asked,
   * because another would truly say that nothing is there
   */
  known(target: string, givenUnder?: string | null): Connector | null
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
  const last = new Map<string, { target: Target; connector: Connector }>()
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
    last.set(name, { target, connector: found.connector })
    return found.connector
  }

  function known(name: string, givenUnder: string | null = null): Connector | null {
    const policies = [...everActive()]
    const under = policies.find(({ hash }) => hash === givenUnder)
    const given = under === undefined ? null : targetIn(under, name)
    const serves = (target: Target) => given === null || sameServer(target, given)
    const before = last.get(name)
    const fallback = before !== undefined && serves(before.target) ? before.connector : null
    for (const policy of policies) {
      const target = targetIn(policy, name)
      if (target === null || !serves(target)) continue
      try {
        return connectorOf(target)
      } catch {
        if (fallback !== null) return fallback
      }
    }
    return fallback
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

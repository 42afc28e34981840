import type { Target } from './policy.ts'

/** Whether both say the same way to the same server: what was given at one can be taken away at the other. */
export function sameServer(one: Target, other: Target): boolean {
  return one.connector.kind === other.connector.kind && one.connector.url === other.connector.url
}

import type { DirectoryGroup, IdentityState } from './identity-state.ts'
import type { MachineState } from './machine-state.ts'

/** Everybody on record, and the machines that were ever orphaned, as far as this process has read it. */
export interface People {
  /** Grows with every change, whoever made it. */
  readonly version: number
  readonly persons: ReadonlyMap<string, IdentityState>
  readonly groups: ReadonlyMap<string, DirectoryGroup>
  readonly machines: ReadonlyMap<string, MachineState>
}

export const NOBODY: People = { version: 0, persons: new Map(), groups: new Map(), machines: new Map() }

/** A person as the directory door knows them: it entered them, and has not taken them away. */
export function isProvisioned({ profile, enteredAt, left }: IdentityState): boolean {
  return enteredAt !== null && profile !== null && left?.removed !== true
}

/**
 * What two addresses have in common when they may reach one mailbox: capital letters do not count, and neither does
 * what follows a plus sign.
 */
export function mailboxOf(email: string): string {
  const [local = '', domain = ''] = splitAddress(email.normalize('NFKC').toLowerCase())
  return `${local.replace(/\+.*$/su, '')}@${domain}`
}

export function domainOf(email: string): string {
  return splitAddress(email.toLowerCase())[1]
}

function splitAddress(email: string): [string, string] {
  const at = email.lastIndexOf('@')
  return at < 0 ? [email, ''] : [email.slice(0, at), email.slice(at + 1)]
}

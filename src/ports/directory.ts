import type { Account } from './chat.ts'

/**
 * Who is who. Resolves accounts to identities by immutable ids only; never guesses.
 * An unreachable directory throws: no access, a clear answer.
 */
export interface Directory {
  /** The identity that owns this account, or null for a stranger. @throws DirectoryUnreachable */
  byAccount(account: Account): Promise<Identity | null>
  /** @throws DirectoryUnreachable */
  byId(id: string): Promise<Identity | null>
  /** Everybody in a group; an unknown group is empty. @throws DirectoryUnreachable */
  membersOf(group: string): Promise<readonly string[]>
}

export interface Identity {
  /** Opaque, stable, never reused. */
  readonly id: string
  readonly name: string
  readonly title: string
  readonly status: 'active' | 'left'
  /** Identity id of the manager; null when the directory names none. */
  readonly manager: string | null
  /** Who made them report to this manager, or may have: they do not sign as that manager. Identity ids. */
  readonly managerSetBy: readonly string[]
  readonly accounts: readonly Account[]
}

export class DirectoryUnreachable extends Error {
  readonly code = 'DIRECTORY_UNREACHABLE'
  override name = 'DirectoryUnreachable'
}

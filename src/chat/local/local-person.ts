import type { Account } from '../../ports/chat.ts'

/** Somebody whom the reader of the page can act as. */
export interface LocalPerson {
  /** Identity id. */
  readonly id: string
  readonly name: string
  readonly title: string
  readonly account: Account
}

/** A word that may stand next in `/access …`, and what may follow it. */
export interface Completion {
  readonly word: string
  readonly detail: string
  readonly next: readonly Completion[]
  /** What free text is expected once no more words are offered: `why, with a ticket`. */
  readonly rest: string | null
}

/** The bot's direct messages with one person are a channel of their own. */
export function directChannel(account: Account): string {
  return `@${account.id}`
}

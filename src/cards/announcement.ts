import type { Card, Line } from '../ports/chat.ts'

/** A message that should exist. `key` is stable: posted once, replaced when its content changes. */
export interface Announcement {
  readonly key: string
  readonly to:
    | { readonly kind: 'channel'; readonly channel: string }
    | { readonly kind: 'thread' }
    | { readonly kind: 'person'; readonly identity: string }
  readonly message: Card | Line
  /** Lower goes first: decision asked, then how to connect, then removed, then the rest. */
  readonly priority: 0 | 1 | 2 | 3
}

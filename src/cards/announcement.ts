import type { Card, Line, Priority } from '../ports/chat.ts'

/** A message that should exist. `key` is stable: posted once, replaced when its content changes. */
export interface Announcement {
  readonly key: string
  readonly to:
    | { readonly kind: 'channel'; readonly channel: string }
    | { readonly kind: 'thread' }
    | { readonly kind: 'person'; readonly identity: string }
  readonly message: Card | Line
  readonly priority: Priority
  /** A line of steps, which may be one message with the lines before and after it. */
  readonly steps?: true
}

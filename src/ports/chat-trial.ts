import type { MessageRef } from './chat.ts'

/** What only an operator's trial of the real platform does, beside posting and changing. */
export interface ChatTrial {
  /** What the app may do there, as far as the platform says it. @throws ChatError */
  rights(): Promise<readonly { readonly right: string; readonly granted: boolean }[]>
  /** Whether the message with this key is where it was posted; null where the platform lets nobody look. @throws ChatError */
  find(ref: MessageRef, key: string, since: number): Promise<boolean | null>
  /** Takes a message of ours away again. @throws ChatError */
  remove(ref: MessageRef): Promise<void>
  /** What a trial from here cannot show, and how to see it. */
  readonly notProved: readonly string[]
}

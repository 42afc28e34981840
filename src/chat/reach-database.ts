import { ChatError } from '../ports/chat.ts'

/** @param what of a chat the database keeps: `Whose turn it is in Slack` @throws ChatError unreachable */
export async function reachDatabase<T>(what: string, query: () => Promise<T>): Promise<T> {
  try {
    return await query()
  } catch (cause) {
    if (cause instanceof ChatError) throw cause
    throw new ChatError('unreachable', `${what} cannot be read: the database does not answer`, { cause })
  }
}

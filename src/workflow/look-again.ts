import type { MessageRef } from '../ports/chat.ts'
import type { Context } from './context.ts'

/**
 * Somebody says that a message is gone. Where it is one of ours, what chat shows of its stream is looked at
 * again: the platform's own answer, not this word, says whether it is there.
 */
export async function lookAgain(context: Context, { platform, channel, id }: MessageRef): Promise<void> {
  await context.db.begin(async (tx) => {
    const found = await tx<{ stream: string }[]>`
      update notice set content_hash = '' where platform = ${platform} and channel = ${channel} and message = ${id}
      returning stream`
    for (const { stream } of found) await context.enqueue(tx, { kind: 'announce', stream })
  })
  context.committed()
}

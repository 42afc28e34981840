import { expect } from 'vitest'
import { MINUTE } from '../../src/domain/duration.ts'
import { grantStream } from '../../src/domain/grant-event.ts'
import { threadStream } from '../../src/domain/thread-event.ts'
import type { Chat, MessageRef } from '../../src/ports/chat.ts'
import type { Context } from '../../src/workflow/context.ts'
import { createThreadEar, type ThreadEar } from '../../src/workflow/hear-threads.ts'
import { keepNotice } from '../../src/workflow/notices.ts'
import { createTestContext, type TestContext } from '../workflow/test-context.ts'

/** A record with a chat whose threads are read back and compared with it. */
export async function openThreadHouse(
  platform: string,
  startChat: (it_: TestContext) => Promise<Chat>,
): Promise<ThreadHouse> {
  const it_ = await createTestContext(Date.UTC(2026, 10, 23, 9), [platform])
  const context = { ...it_.context, chats: [await startChat(it_)] }
  let cards = 0
  let seen = 0
  return {
    ...it_,
    context,
    ear: createThreadEar({ context, onFault: (_what, error) => expect(error).toBeNull() }),
    async forget() {
      await it_.database.admin`delete from thread_root`
      seen = it_.alarms.length
    },
    newAlarms: () => it_.alarms.slice(seen).map(({ what, grant }) => `${what} ${grant}`),
    async nextCard() {
      cards += 1
      await it_.clock.advance(MINUTE)
      const id = `G-7K3Q${String(cards).padStart(2, '0')}`
      return { id, stream: grantStream(id), now: it_.clock.now() }
    },
    keepSent: (stream, key, ref) =>
      keepNotice(context, stream, key, { platform, state: 'sent', contentHash: 'c', attempts: 0, ref }),
    threadEvents: async (stream) =>
      (await context.record.readStream(context.db, threadStream(stream))).map(({ type, data, texts }) => ({
        ...{ type, late: data.late === true, text: texts.text ?? null, what: data.what ?? data.messages ?? null },
      })),
  }
}

export interface ThreadHouse extends TestContext {
  readonly context: Context
  readonly ear: ThreadEar
  /** All threads and alarms so far. */
  forget(): Promise<void>
  newAlarms(): string[]
  /** A minute after the one before. */
  nextCard(): Promise<{ readonly id: string; readonly stream: string; readonly now: number }>
  /** Says that a message of ours was sent. */
  keepSent(stream: string, key: string, ref: MessageRef): Promise<unknown>
  threadEvents(stream: string): Promise<{ type: string; late: boolean; text: string | null; what: unknown }[]>
}

import type { Chat } from '../../../src/ports/chat.ts'
import { type ChatUnderTest, describeChat } from '../contract.ts'
import { TEAM } from './fake-slack.ts'
import { readBlocks, readNotification } from './read-blocks.ts'
import { startSlackChat } from './start-slack-chat.ts'

describeChat('Slack', openSlackChat)

/** A conversation takes about one message a second, so that passes before each. */
async function openSlackChat(): Promise<ChatUnderTest> {
  const started = await startSlackChat()
  const { slack, fake, clock } = started
  const chat: Chat = {
    platform: slack.chat.platform,
    async post(to, key, message) {
      await clock.advance(1_200)
      return slack.chat.post(to, key, message)
    },
    update: slack.chat.update,
  }
  const wordsOf = (message: { blocks: unknown[] }) => readBlocks(message.blocks).words
  return {
    chat,
    channel: '#access',
    person: { platform: 'slack', tenant: TEAM, id: 'U0BEN' },
    nobody: { platform: 'slack', tenant: TEAM, id: 'U0NOBODY' },
    async read(ref) {
      const message = fake.messages.find((one) => one.channel === ref.channel && one.ts === ref.id)
      if (message === undefined) return null
      const { words, interpreted } = readBlocks(message.blocks)
      return {
        words,
        interpreted: [...interpreted, ...readNotification(message.text).interpreted],
        root: message.root,
      }
    },
    count: async (words) => fake.messages.filter((one) => wordsOf(one).includes(words)).length,
    stop: started.stop,
  }
}

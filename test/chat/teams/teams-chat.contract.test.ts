import type { Chat } from '../../../src/ports/chat.ts'
import { type ChatUnderTest, describeChat } from '../contract.ts'
import { CHANNEL, TENANT } from './fake-teams.ts'
import { readCard } from './read-card.ts'
import { objectIdOf, startTeamsChat } from './start-teams-chat.ts'

describeChat('Teams', openTeamsChat)

/** The fake keeps to Teams' limits, so a little time passes before each. */
async function openTeamsChat(): Promise<ChatUnderTest> {
  const started = await startTeamsChat()
  const { teams, fake, clock } = started
  const chat: Chat = {
    platform: teams.chat.platform,
    async post(to, key, message) {
      await clock.advance(2_200)
      return teams.chat.post(to, key, message)
    },
    update: teams.chat.update,
  }
  return {
    chat,
    channel: CHANNEL,
    person: { platform: 'teams', tenant: TENANT, id: objectIdOf('ben') },
    nobody: { platform: 'teams', tenant: TENANT, id: objectIdOf('nobody') },
    async read(ref) {
      const message = fake.messages.find((one) => one.conversation === ref.channel && one.id === ref.id)
      return message === undefined ? null : { ...readCard(message.card), root: message.root }
    },
    count: async (words) => fake.messages.filter((one) => readCard(one.card).words.includes(words)).length,
    stop: started.stop,
  }
}

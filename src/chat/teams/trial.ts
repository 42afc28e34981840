import type { ChatTrial } from '../../ports/chat-trial.ts'
import type { Clock } from '../../ports/clock.ts'
import type { ThreadReader } from '../../ports/thread.ts'
import type { AccessToken } from './access-token.ts'
import type { Connector } from './connector.ts'
import { explainFailure } from './connector-failure.ts'
import type { Conversations } from './conversations.ts'
import { createSigningKeys } from './signing-keys.ts'

/** What the operator's trial needs of Teams beyond what the running processes do. */
export function createTeamsTrial(around: {
  readonly token: AccessToken
  readonly connector: Connector
  readonly conversations: Conversations
  readonly clock: Clock
  readonly metadataUrl: string | null
  /** Undefined where threads are not read back. */
  readonly threads: ThreadReader | undefined
}): ChatTrial {
  const { token, connector, conversations, clock, metadataUrl, threads } = around
  return {
    async rights() {
      let canRead = true
      const keys = createSigningKeys({ clock, metadataUrl, onFault: () => (canRead = false) })
      await keys.find('')
      await explained('signing in', () => token.get())
      return [
        { right: 'a token of Entra for the Bot Connector', granted: true },
        { right: 'the keys that Microsoft signs requests with', granted: canRead },
      ]
    },
    // The Bot Connector has no door for it, Microsoft Graph has.
    find: async (ref) => (threads === undefined ? null : (await threads.readThread(ref, null)).card),
    async remove({ channel, id }) {
      const place = await conversations.placeOf(channel)
      await explained('deleting the message', () => connector.remove(place, channel, id))
    },
    notProved: [
      'that Teams reaches /api/messages with a token for this app: write @Countersign help in the channel, and help to it alone',
      'buttons, dialogs and the view of each person: press those of a request, such as <target> 5m trying it out',
      'targeted messages and slash commands: on which of your clients they are there',
      ...(threads === undefined ? [NOT_SEEN] : []),
      'channels of targets, and fallbackChannel: only the policy’s own channel was written to',
      'that everybody has the app installed: it wrote to --as alone',
    ],
  }
}

const NOT_SEEN = 'that what was posted stands where it should: Teams lets no bot look, and took it without a fault'

async function explained<T>(doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw explainFailure(error, doing, false)
  }
}

import type { webApi } from '@slack/bolt'
import { z } from 'zod'
import type { ChatTrial } from '../../ports/chat-trial.ts'
import { explainFailure } from './explain-failure.ts'
import { findOwnMessage } from './find-own-message.ts'

/** As `manifest/slack.yaml` asks for them. Without the last four everything works: a lost message may come twice, the digest has no picture. */
const SCOPES = ['commands', 'chat:write', 'im:write', 'channels:history', 'groups:history', 'im:history', 'files:write']

/** What the operator's trial needs of Slack beyond what the running processes do. */
export function createSlackTrial(client: webApi.WebClient): ChatTrial {
  return {
    async rights() {
      const answer = await explained('asking for the scopes', () => client.auth.test())
      const granted = scopesSchema.parse(answer).response_metadata.scopes
      return SCOPES.map((right) => ({ right: `scope ${right}`, granted: granted.includes(right) }))
    },
    find: ({ channel, id }, key, since) =>
      explained('looking for the message', async () => {
        return (await findOwnMessage(client, { channel, thread: null, since }, key)) === id
      }),
    async remove({ channel, id }) {
      await explained('deleting the message', () => client.chat.delete({ channel, ts: id }))
    },
    notProved: [
      'that Slack reaches /slack/events, with the signing secret of these settings: write /access help',
      'buttons and forms: press those of a request, such as /access <target> 5m trying it out',
      'channels of targets, and fallbackChannel: only the policy’s own channel was written to',
      'that Slack tells of deleted messages (event_subscriptions of the manifest)',
    ],
  }
}

async function explained<T>(doing: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw explainFailure(error, doing, false)
  }
}

const scopesSchema = z.object({
  response_metadata: z.object({ scopes: z.array(z.string()).catch([]) }).catch({ scopes: [] }),
})

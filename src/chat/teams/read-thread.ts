import { z } from 'zod'
import { ChatError } from '../../ports/chat.ts'
import type { ThreadReader } from '../../ports/thread.ts'
import type { Connector } from './connector.ts'
import { ConnectorFailure, explainFailure } from './connector-failure.ts'
import type { Conversations } from './conversations.ts'
import type { Graph } from './graph.ts'
import { type GraphMessage, graphMessageSchema, readGraphMessage, stands, timeOfMessage } from './graph-message.ts'
import type { Watch } from './watch.ts'

/** Graph gives no more at once. */
const TOP = '$top=50'
/** Of one thread, or of one channel: 5,000 messages. */
const MOST_PAGES = 100
/** An edit is told and read back with times that are not said to be the same. */
const SAME_EDIT_MS = 60_000

/** Reads threads back from Microsoft Graph, slowly: whoever is told to wait passes that on. */
export function createThreadReader(around: {
  readonly graph: Graph
  readonly connector: Connector
  readonly conversations: Conversations
  readonly appId: string
  readonly watch: Pick<Watch, 'read'>
}): ThreadReader {
  const { graph, connector, conversations, appId, watch } = around
  const groups = new Map<string, string>()

  return {
    readThread: (root, after) =>
      reading(root.channel, async (channel) => {
        const { tenant } = await conversations.placeOf(channel)
        const messages = await messagesOf(channel)
        const card = await readRoot(messages, root.id)
        const replies: GraphMessage[] = []
        // All of them: Graph says of no order that it holds.
        for await (const page of pagesOf(messages, `/${encodeURIComponent(root.id)}/replies`)) {
          if (page === null)
            throw new ChatError('refused', `Teams: the thread of ${root.id} is too long to be read back`)
          replies.push(...page)
        }
        const from = after === null ? 0 : timeOfMessage(after)
        return {
          ...{ card: stands(card), more: false },
          messages: replies
            .filter((one) => stands(one) && timeOfMessage(one.id) > from)
            .sort((a, b) => timeOfMessage(a.id) - timeOfMessage(b.id))
            .map((one) => readGraphMessage(one, { appId, tenant })),
        }
      }),
    standsUntil: ({ channel, id }) =>
      reading(channel, async (base) => {
        const isOld = (one: GraphMessage) => stands(one) && timeOfMessage(one.id) <= timeOfMessage(id)
        // What could not be looked through to the end may hold something old: no word of retention then.
        for await (const page of pagesOf(await messagesOf(base), '')) if (page?.some(isOld) ?? true) return true
        return false
      }),
    channelOf,
    sameEdit: (heard, read) => heard === read || Math.abs(Date.parse(heard) - Date.parse(read)) <= SAME_EDIT_MS,
    timeOf: timeOfMessage,
  }

  /** Readiness says which channel may not be read, and no longer when it may. */
  async function reading<T>(thread: string, run: (channel: string) => Promise<T>): Promise<T> {
    const channel = channelOf(thread)
    try {
      const result = await run(channel)
      watch.read(channel, null)
      return result
    } catch (thrown) {
      const error = explainFailure(thrown, 'reading a thread back', false)
      watch.read(channel, error)
      throw error
    }
  }

  async function messagesOf(channel: string): Promise<Messages> {
    const team = await conversations.teamOf(channel)
    if (team === null) throw notRead(`channel ${channel}`, 'nothing was heard there yet. Write @Countersign help in it')
    const known = groups.get(team)
    const group = known ?? (await groupOf(channel, team))
    groups.set(team, group)
    return { path: `/teams/${group}/channels/${encodeURIComponent(channel)}/messages`, team: `team ${group}` }
  }

  async function groupOf(channel: string, team: string): Promise<string> {
    const place = await conversations.placeOf(channel)
    const said = teamSchema.safeParse(await asked(`team ${team}`, () => connector.team(place, team)))
    if (said.success) return said.data.aadGroupId
    throw notRead(`team ${team}`, 'Teams does not say which group it is')
  }

  /** @throws ChatError `not-found` only where the channel answers: a wrong one says nothing of what stands there */
  async function readRoot({ path, team }: Messages, id: string): Promise<GraphMessage> {
    try {
      return graphMessageSchema.parse(await graph.get(`${path}/${encodeURIComponent(id)}`))
    } catch (error) {
      if (!(error instanceof ConnectorFailure) || error.status !== 404) throw refusal(error, team)
      await asked(team, () => graph.get(`${path}?$top=1`))
      throw new ChatError('not-found', 'Teams: there is no such thread any more', { cause: error })
    }
  }

  /** Each page; null in place of what is too much. */
  async function* pagesOf({ path, team }: Messages, under: string): AsyncGenerator<GraphMessage[] | null> {
    let at: string | undefined = `${path}${under}?${TOP}`
    for (let pages = 0; at !== undefined; pages++) {
      if (pages === MOST_PAGES) return yield null
      const link: string = at
      const page = pageSchema.parse(await asked(team, () => graph.get(link)))
      yield page.value.flatMap((one) => graphMessageSchema.safeParse(one).data ?? [])
      at = page['@odata.nextLink']
    }
  }
}

/** Where the messages of a channel are, and of which team it is, in words. */
interface Messages {
  readonly path: string
  readonly team: string
}

/** A thread is named by its channel and its first message. */
function channelOf(thread: string): string {
  return thread.split(';')[0] ?? thread
}

async function asked<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw refusal(error, what)
  }
}

/** That we may not look says nothing of what stands there. */
function refusal(error: unknown, what: string): unknown {
  if (!(error instanceof ConnectorFailure) || (error.status !== 403 && error.status !== 404)) return error
  const remedy = error.status === 403 ? 'grant ChannelMessage.Read.Group' : 'it is not there for the app'
  return notRead(what, remedy, { cause: error })
}

function notRead(what: string, why: string, options?: ErrorOptions): ChatError {
  return new ChatError('refused', `Threads of ${what} are not read back: ${why}`, options)
}

const teamSchema = z.object({ aadGroupId: z.guid() })
const pageSchema = z.object({ value: z.array(z.unknown()), '@odata.nextLink': z.string().optional() })

import type { Announcement } from '../cards/announcement.ts'
import { ChatError } from '../ports/chat.ts'
import { DirectoryUnreachable } from '../ports/directory.ts'
import type { Context } from './context.ts'
import { findNotices, type KeptNotice } from './notices.ts'
import { readWhereToTell } from './where-to-tell.ts'

/** What one platform has to show of a stream, and the notices that there are of it. */
export interface Share {
  readonly wanted: readonly Announcement[]
  readonly notices: Map<string, KeptNotice>
}

/**
 * Divides what should be said of a stream among the platforms, so that each goes its own way. What stands in a channel
 * belongs to the platform of the channel. A message to a person belongs to one platform from the first look at it,
 * whoever looks first: nobody is told twice because they went from one chat to the other in between.
 */
export async function shareOf(
  context: Context,
  stream: string,
  wanted: readonly Announcement[],
  platform: string,
): Promise<Share> {
  const found = await findNotices(context, stream)
  const platforms = context.chats.map((chat) => chat.platform)
  const [first] = platforms
  if (first === undefined || platforms.length === 1) return { wanted, notices: found }
  const notices = (await assignPeople(context, stream, wanted, found)) ? await findNotices(context, stream) : found
  const here = (one: string | null | undefined) => (one != null && platforms.includes(one) ? one : first)
  const ofCard = (key: string) => {
    const to = wanted.find((one) => one.key === key)?.to
    return notices.get(key)?.platform ?? (to?.kind === 'channel' ? platformOfChannel(to.channel) : null)
  }
  const platformOf = ({ key, to }: Announcement): string => {
    switch (to.kind) {
      case 'channel':
        return here(to.platform ?? ofCard(key))
      case 'thread':
        return here(to.platform ?? ofCard(to.card))
      case 'person':
        return here(notices.get(key)?.platform)
      default:
        return to satisfies never
    }
  }
  return { wanted: wanted.filter((one) => platformOf(one) === platform), notices }
}

/** A request of a time when there was one platform says no more than its channel, which only Teams calls so. */
function platformOfChannel(channel: string): string {
  return channel.startsWith('19:') ? 'teams' : 'slack'
}

/** Where somebody is told: chosen, else where they were last, else where they are first. @returns whether any was new */
async function assignPeople(
  context: Context,
  stream: string,
  wanted: readonly Announcement[],
  notices: ReadonlyMap<string, KeptNotice>,
): Promise<boolean> {
  const open = wanted.flatMap(({ key, to }) => (to.kind === 'person' && !notices.has(key) ? [{ key, ...to }] : []))
  if (open.length === 0) return false
  const people = [...new Set(open.map(({ identity }) => identity))]
  const known = await readWhereToTell(context.db, people)
  const chosen = new Map<string, string>()
  for (const identity of people) {
    const platforms = await reachableOn(context, identity)
    const wish = known.get(identity)
    const platform = platforms?.find((one) => one === wish) ?? platforms?.[0]
    if (platform !== undefined) chosen.set(identity, platform)
  }
  const rows = open.flatMap(({ key, identity }) => {
    const platform = chosen.get(identity)
    return platform === undefined ? [] : [{ key, platform }]
  })
  if (rows.length === 0) return false
  await context.db`
    insert into notice (key, stream, platform, state, content_hash, attempts, at)
    select key, ${stream}, platform, 'maybe-sent', '', 0, ${context.clock.now()}
    from unnest(${rows.map(({ key }) => key)}::text[], ${rows.map((row) => row.platform)}::text[])
      as claimed (key, platform)
    order by key on conflict (key) do nothing`
  return true
}

/** The platforms of this process where somebody has an account; null while the directory cannot be asked. */
export async function reachableOn(context: Context, identity: string): Promise<string[] | null> {
  try {
    const accounts = (await context.directory.byId(identity))?.accounts ?? []
    const inTheirOrder = [...new Set(accounts.map(({ platform }) => platform))]
    return inTheirOrder.filter((platform) => context.chats.some((chat) => chat.platform === platform))
  } catch (error) {
    if (error instanceof DirectoryUnreachable) return null
    throw error
  }
}

/** @throws ChatError unreachable where this process has no such platform: another one may, or will have */
export function requireSame(platform: string | null, own: string): void {
  if (platform === null || platform === own) return
  throw new ChatError('unreachable', `${platform} is not configured in this process`)
}

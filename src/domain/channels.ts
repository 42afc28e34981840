/**
 * Where something is announced: in one channel of the one platform that there is, or in one channel on each of
 * the platforms that are named.
 */
export type Channels = string | Readonly<Record<string, string>>

/** One channel; `platform` is null where nobody had to say which one, because there is only one. */
export interface ChannelOn {
  readonly platform: string | null
  readonly channel: string
}

/** What an event keeps of it. The plain field is what versions read that know one platform alone. */
export interface AnnouncedIn {
  readonly channel: string
  /** Only where the policy names platforms. */
  readonly announcedIn?: readonly ChannelOn[]
}

export function channelList(channels: Channels): ChannelOn[] {
  if (typeof channels === 'string') return [{ platform: null, channel: channels }]
  return Object.entries(channels).map(([platform, channel]) => ({ platform, channel }))
}

/** The channel of a platform, if there is one there. */
export function channelOn(channels: Channels | null, platform: string): string | null {
  if (channels === null || typeof channels === 'string') return channels
  return Object.hasOwn(channels, platform) ? (channels[platform] ?? null) : null
}

export function announcedIn(channels: Channels): AnnouncedIn {
  const list = channelList(channels)
  const channel = list[0]?.channel ?? ''
  return typeof channels === 'string' ? { channel } : { channel, announcedIn: list }
}

/** As `announcedIn` kept it, also before platforms could be named. */
export function readAnnouncedIn({ channel, announcedIn }: AnnouncedIn): readonly ChannelOn[] {
  return announcedIn ?? [{ platform: null, channel }]
}

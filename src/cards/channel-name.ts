import type { ChannelOn } from '../domain/channels.ts'
import type { Span } from '../ports/chat.ts'
import { code, joined } from './text.ts'

/** A channel as people call it. In Teams it has only an id that nobody reads: then the platform says which one. */
export function channelName({ platform, channel }: ChannelOn): Span {
  if (platform === 'teams' || channel.startsWith('19:')) return { kind: 'text', text: 'the channel in Teams' }
  return code(/^(#|[CG][A-Z0-9]{6,}$)/.test(channel) ? channel : `#${channel}`)
}

/** Everywhere that the card of a request is. */
export function cardPlaces(announcedIn: readonly ChannelOn[]): Span[] {
  return joined(announcedIn.map(channelName), ' or ')
}

/** A platform as it calls itself. */
export function platformName(platform: string): string {
  return NAMES[platform] ?? platform
}

const NAMES: Readonly<Record<string, string>> = { slack: 'Slack', teams: 'Teams', local: 'this page' }

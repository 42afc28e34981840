import { type Channels, channelList } from '../domain/channels.ts'
import type { Policy } from '../domain/policy.ts'
import type { PolicyText } from '../workflow/policy-in-force.ts'

/**
 * A request must be seen where the policy says, so a policy that announces where this process cannot is not taken.
 * @param platforms that are configured
 * @throws PolicyUnannounceable with every such place and what to do
 */
export function requireAnnounceable(read: PolicyText, platforms: readonly string[]): PolicyText {
  const faults = placesOf(read.policy).flatMap(({ setting, channels }) =>
    channelList(channels).flatMap(({ platform, channel }) => {
      if (platform !== null) return platforms.includes(platform) ? [] : [missing(setting, platform)]
      if (platforms.length === 1) return []
      const both = platforms.map((one) => `${one}: …`).join(', ')
      return [
        `${setting}: ${channel} does not say where it is, and ${platforms.join(' and ')} are configured. Write ${setting.split('.').at(-1)}: { ${both} }, with each platform that it is meant for`,
      ]
    }),
  )
  if (faults.length === 0) return read
  throw new PolicyUnannounceable(
    `The policy announces where nobody would see it:\n${faults.map((one) => `  ${one}`).join('\n')}`,
  )
}

function placesOf(policy: Policy): { setting: string; channels: Channels }[] {
  const { channel, fallbackChannel, digestChannel, checkpointChannel, targets } = policy
  return [
    { setting: 'channel', channels: channel },
    ...(fallbackChannel === null ? [] : [{ setting: 'fallbackChannel', channels: fallbackChannel }]),
    ...(digestChannel === null ? [] : [{ setting: 'digestChannel', channels: digestChannel }]),
    ...(checkpointChannel === null ? [] : [{ setting: 'checkpointChannel', channels: checkpointChannel }]),
    ...Object.values(targets).flatMap((target) =>
      target.channel === null ? [] : [{ setting: `targets.${target.name}.channel`, channels: target.channel }],
    ),
  ]
}

function missing(setting: string, platform: string): string {
  return `${setting} names ${platform}, which is not configured. ${REMEDIES[platform] ?? 'Take it out'}, or take ${platform} out of the policy`
}

const REMEDIES: Readonly<Record<string, string>> = {
  slack: 'Set SLACK_BOT_TOKEN and SLACK_SIGNING_SECRET',
  teams: 'Set TEAMS_APP_ID, TEAMS_APP_PASSWORD and TEAMS_TENANT_IDS',
}

class PolicyUnannounceable extends Error {
  readonly code = 'POLICY_UNANNOUNCEABLE'
  override name = 'PolicyUnannounceable'
}

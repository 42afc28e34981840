import { type Path, quote, type Report } from './fault.ts'
import type { PolicyFile } from './policy-file.ts'

type Channels = PolicyFile['channel']

/**
 * Where things are announced: either no setting names a platform, because there is only one, or all of them do. What
 * is between cannot be read in one way.
 */
export function checkChannels(file: PolicyFile, report: Report): void {
  const { channel, fallbackChannel, digestChannel, checkpointChannel } = file
  checkNamed(channel, ['channel'], report)
  const others: [Path, Channels | undefined][] = [
    [['fallbackChannel'], fallbackChannel],
    [['digestChannel'], digestChannel],
    [['checkpointChannel'], checkpointChannel],
    ...Object.entries(file.targets).map(([name, target]): [Path, Channels | undefined] => [
      ['targets', name, 'channel'],
      target.channel,
    ]),
  ]
  for (const [path, other] of others) {
    if (other === undefined) continue
    checkNamed(other, path, report)
    checkAlike(channel, other, path, report)
  }
  if (fallbackChannel !== undefined) checkFallback(channel, fallbackChannel, report)
}

function checkNamed(channels: Channels, path: Path, report: Report): void {
  if (typeof channels === 'string' || Object.keys(channels).length > 0) return
  report({ path, message: 'No platform is named here', remedy: 'Write one, such as { slack: access }' })
}

function checkAlike(channel: Channels, other: Channels, path: Path, report: Report): void {
  if (typeof channel === typeof other) return
  if (typeof other === 'string') {
    const message = `${quote(other)} does not say on which platform, as channel does`
    report({ path, message, remedy: `Write { ${Object.keys(channel)[0] ?? 'slack'}: ${other} }` })
    return
  }
  const remedy = `Name it there too: channel: { ${Object.keys(other)[0] ?? 'slack'}: ${String(channel)} }`
  report({ path, message: 'It names a platform, and channel at the top does not', remedy })
}

/** Where the channel is gone, the same channel is no other. */
function checkFallback(channel: Channels, fallback: Channels, report: Report): void {
  const name = (one: string) => one.replace(/^#/, '')
  const of = (channels: Channels): Partial<Record<string, string>> =>
    typeof channels === 'string' ? { '': channels } : channels
  for (const [platform, one] of Object.entries(of(fallback))) {
    const own = of(channel)[platform]
    if (one === undefined || own === undefined || name(one) !== name(own)) continue
    const path = ['fallbackChannel', ...(platform === '' ? [] : [platform])]
    const message = `The fallback is the channel itself, "${one}"`
    report({ path, message, remedy: 'Name another channel, or leave fallbackChannel out' })
  }
}

/**
 * When a person acted, by the clock of their chat platform: kept beside our own time, so that neither stands alone.
 * Epoch ms; left out where the platform says nothing, and in events from before it was kept.
 */
export interface PlatformTime {
  readonly platformAt?: number
}

/** More than what clocks differ by that are looked after. */
const MOST_AHEAD_MS = 60_000
/** Slack waits three seconds for us and Teams sends again after fifteen: an act that is older was not on its way so long. */
const MOST_LATE_MS = 2 * 60_000

/**
 * Compares the time that a platform says with ours, as its act arrives. Nothing was done in the future; what was done
 * long ago is skew where it is told for the first time, which the caller knows.
 * @param platformAt epoch ms by the platform's clock
 * @param now epoch ms by ours
 * @returns null while they agree
 */
export function platformSkew(platformAt: number, now: number): PlatformSkew | null {
  if (platformAt - now > MOST_AHEAD_MS) return { platform: 'ahead', byMs: platformAt - now }
  if (now - platformAt > MOST_LATE_MS) return { platform: 'behind', byMs: now - platformAt }
  return null
}

export interface PlatformSkew {
  /** Where the platform's time is, seen from ours. */
  readonly platform: 'ahead' | 'behind'
  readonly byMs: number
}

/** Puts the platform's time into what is recorded. */
export function withPlatformTime<Data extends object>(data: Data, { platformAt }: PlatformTime): Data & PlatformTime {
  return platformAt === undefined ? data : { ...data, platformAt }
}

/** Takes it out again: it stands beside our own time, not among the facts. */
export function splitPlatformTime(recorded: Readonly<Record<string, unknown>>): {
  readonly data: Record<string, unknown>
  readonly time: PlatformTime
} {
  const { platformAt, ...data } = recorded
  return { data, time: typeof platformAt === 'number' ? { platformAt } : {} }
}

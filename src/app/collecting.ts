import { SECOND } from '../domain/duration.ts'
import { createRound, type Round } from '../schedule/round.ts'
import type { Log } from '../telemetry/log.ts'
import { collectActivity } from '../workflow/collect-activity.ts'
import type { Context } from '../workflow/context.ts'

const EVERY_MS = 60 * SECOND

/**
 * Reads on in the logs of all targets, each minute, also where nothing is given: a login that no grant explains shows
 * there. Every replica looks, and the first has it; endings go before it, and a target that is slow or away holds up no other.
 */
export function createCollecting(context: Context, log: Log, calm: () => Promise<void>): Round {
  const away = new Set<string>()

  async function collect(target: string): Promise<void> {
    try {
      await context.lanes.tryLane(`activity:${target}`, () => collectActivity(context, target, null))
      away.delete(target)
    } catch (error) {
      // Readiness shows each minute which target is away; here it is said once.
      if (!away.has(target))
        log.warn({ err: error, target }, 'the log of a target could not be read: tried each minute')
      away.add(target)
    }
  }

  return createRound({
    ...{ clock: context.clock, everyMs: EVERY_MS },
    run: async () => {
      await calm()
      await Promise.all(context.knownTargets().map(collect))
    },
    onFault: (error) => log.error({ err: error }, 'activity could not be collected'),
  })
}

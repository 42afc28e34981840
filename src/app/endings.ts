import { createWaker } from '../effects/wake.ts'
import { createRound } from '../schedule/round.ts'
import type { Log } from '../telemetry/log.ts'
import type { Context } from '../workflow/context.ts'
import { createFallDue } from '../workflow/fall-due.ts'
import { sweep, sweepTargets } from '../workflow/sweep.ts'

/**
 * What ends an access on time: a timer that is punctual, and two nets under it that every process casts each
 * minute, one in the record and one in the targets.
 */
export function createEndings(context: Context, log: Log): Endings {
  const { clock } = context
  const fallDue = createFallDue(context)
  const waker = createWaker({
    ...{ clock, nextDue: fallDue.nextDue, run: fallDue.run },
    onError: (error) => {
      log.error({ err: error }, 'the timer could not look')
      // What the record cannot be asked about, the targets may show.
      void targetNet.now()
    },
  })
  fallDue.onFree(() => waker.poke())
  const onFault = (error: unknown) => log.error({ err: error }, 'the sweep could not look')
  const recordNet = createRound({
    ...{ clock, everyMs: 60_000, onFault },
    run: async () => {
      await sweep(context)
      waker.poke()
    },
  })
  const targetNet = createRound({ ...{ clock, everyMs: 60_000, onFault }, run: () => sweepTargets(context) })
  return {
    poke: () => waker.poke(),
    calm: (forMs) => fallDue.calm(forMs),
    start() {
      waker.poke()
      recordNet.start()
      targetNet.start()
    },
    async sweep() {
      await Promise.all([recordNet.now(), targetNet.now()])
    },
    async stop() {
      // First the timer: when it cannot look it casts a net.
      await waker.stop()
      await Promise.all([recordNet.stop(), targetNet.stop()])
      await fallDue.idle()
    },
  }
}

interface Endings {
  start(): void
  /** Looks now: something may have become due. */
  poke(): void
  /** Resolves when few removals are in hand here, or after so long, ms. */
  calm(forMs: number): Promise<void>
  /** Casts both nets at once. */
  sweep(): Promise<void>
  /** Waits for the removals that are running. Twice is harmless. */
  stop(): Promise<void>
}

import type { Clock } from '../ports/clock.ts'
import type { PolicyInForce, PolicyText } from './policy-in-force.ts'

/** How often the file is looked at. */
const LOOK_EVERY_MS = 15_000

/**
 * Reads the policy file again while the process runs. A text that changed is put on record and
 * announced; this process holds its decisions until somebody activates it, or the file is put back. A
 * file that cannot be read changes nothing and is told once.
 */
export function watchPolicy(options: {
  readonly clock: Clock
  readonly policy: PolicyInForce
  readonly read: () => Promise<PolicyText>
  readonly onFault: (error: unknown) => void
}): { start(): void; stop(): Promise<void> } {
  const { clock, policy, read, onFault } = options
  let cancel = () => {}
  let looking: Promise<void> = Promise.resolve()
  let stopped = false
  let told = ''

  async function look(): Promise<void> {
    try {
      await policy.reload(await read())
      told = ''
    } catch (error) {
      const words = error instanceof Error ? error.message : String(error)
      if (words !== told) onFault(error)
      told = words
    }
  }

  function next(): void {
    cancel = clock.runAt(clock.now() + LOOK_EVERY_MS, () => {
      looking = look().then(() => {
        if (!stopped) next()
      })
    })
  }

  return {
    start: next,
    async stop() {
      stopped = true
      cancel()
      await looking
    },
  }
}

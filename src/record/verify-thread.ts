import { constants, platform, setPriority } from 'node:os'
import { parentPort, workerData } from 'node:worker_threads'
import { reviveMacKeys } from './mac-keys.ts'
import type { ThreadSaid, ThreadTask } from './verify-apart.ts'
import { verifyAgainst } from './verify-log.ts'
import { readProgress, writeProgress } from './verify-progress.ts'

/** So many ranges of leaves are checked again, at most, after a crash. */
const KEEP_EVERY = 16

/* Checks the record once and says what it found. On Linux a priority is a thread's; elsewhere it would be the process's. */
if (platform() === 'linux') setPriority(0, constants.priority.PRIORITY_LOW)

const { place, expected, progress, readAt, pauseMs } = workerData as ThreadTask
const macKey = Buffer.from(expected.macKey)
const macKeys = reviveMacKeys(expected.macKeys)
const heads = expected.heads.map((head) => ({ ...head, root: Buffer.from(head.root) }))

try {
  let [text, ranges]: [string | null, number] = [null, 0]
  const verdict = await verifyAgainst(
    place,
    { ...expected, macKey, macKeys, heads },
    {
      ...{ pauseMs, now: () => readAt },
      resume: progress === null ? null : readProgress(macKey, expected.origin, progress),
      onProgress(newest) {
        text = writeProgress(macKey, newest)
        if (++ranges % KEEP_EVERY === 0) say({ what: 'progress', text })
      },
    },
  )
  if (text !== null) say({ what: 'progress', text })
  say({ what: 'verdict', verdict })
} catch (fault) {
  say({ what: 'fault', fault })
}

function say(message: ThreadSaid): void {
  parentPort?.postMessage(message)
}

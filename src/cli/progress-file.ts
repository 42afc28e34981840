import { open, readFile, rename, rm } from 'node:fs/promises'
import type { Clock } from '../ports/clock.ts'
import { type Progress, ProgressRefused, readProgress, writeProgress } from '../record/verify-progress.ts'

const WRITE_EVERY_MS = 2_000

/**
 * The file in which a check keeps how far it came. Whole at every moment, for its owner's eyes alone.
 * @throws ProgressRefused when what lies there is not the progress of a check of this log
 */
export async function openProgressFile(path: string, around: Around): Promise<ProgressFile> {
  const { macKey, origin, clock } = around
  const text = await readOrNull(path)
  const progress = text === null ? null : readKept(path, () => readProgress(macKey, origin, text))
  let writtenAt = Number.NEGATIVE_INFINITY
  return {
    progress,
    async keep(newer) {
      if (clock.now() - writtenAt < WRITE_EVERY_MS) return
      writtenAt = clock.now()
      const beside = `${path}.new`
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(writeProgress(macKey, newer))
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    },
    remove: () => rm(path, { force: true }),
  }
}

function readKept(path: string, read: () => Progress): Progress {
  try {
    return read()
  } catch (cause) {
    if (!(cause instanceof ProgressRefused)) throw cause
    throw new ProgressRefused(`${path} is not used: ${cause.message}. Name another file, to check from the beginning`, {
      cause,
    })
  }
}

async function readOrNull(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

interface Around {
  readonly macKey: Buffer
  readonly origin: string
  readonly clock: Pick<Clock, 'now'>
}

export interface ProgressFile {
  /** Of an earlier check; null when there was none. */
  readonly progress: Progress | null
  /** Writes it, at most every two seconds. */
  keep(progress: Progress): Promise<void>
  /** After a check that came to its end: the next one begins anew. */
  remove(): Promise<void>
}

import { constants } from 'node:fs'
import { type FileHandle, mkdir, open, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { type Witness, WitnessRefused, WitnessUnreachable } from '../ports/witness.ts'
import { type Checkpoint, parseCheckpoint, parseNote } from '../record/verify.ts'

const CHUNK_BYTES = 256 * 1024

/**
 * Keeps checkpoints in a file, a note a line as JSON text. Weak: who runs Countersign can rewrite it. It stops accidents
 * (a restore, a failover that lost the tail), and it is what a first installation has.
 */
export function createFileWitness({ path, name = 'file', administeredBy }: FileWitnessOptions): Witness {
  const newest = new Map<string, Kept>()
  let readBytes = 0
  let last: Promise<unknown> = Promise.resolve()

  /** One at a time within the process; a failure before does not matter. */
  function next<T>(task: () => Promise<T>): Promise<T> {
    const turn = last.then(task, task)
    last = turn.catch(() => {})
    return turn
  }

  /** Takes in what was added since the last time, by us or by another process. A line that is not whole is not kept. */
  async function readOn(): Promise<void> {
    const file = await openOrNull(path)
    if (!file) return forget()
    try {
      if ((await refuseNoFile(file)) < readBytes) forget()
      const chunk = Buffer.alloc(CHUNK_BYTES)
      for (;;) {
        const { bytesRead } = await file.read(chunk, 0, chunk.length, readBytes)
        const whole = chunk.subarray(0, chunk.subarray(0, bytesRead).lastIndexOf('\n') + 1)
        if (whole.length === 0 && bytesRead === chunk.length) throw new Error('a line that is too long')
        if (whole.length === 0) return
        // All of a piece or nothing: it is read again after a bad line, and must not be held against itself.
        const seen = new Map(newest)
        for (const line of whole.toString('utf8').split('\n').slice(0, -1)) {
          const kept = parseLine(line)
          refuseContradiction(kept, seen.get(kept.origin))
          seen.set(kept.origin, kept)
        }
        for (const [origin, kept] of seen) newest.set(origin, kept)
        readBytes += whole.length
      }
    } finally {
      await file.close()
    }
  }

  function forget(): void {
    newest.clear()
    readBytes = 0
  }

  async function add(note: string): Promise<void> {
    const kept = parseKept(note)
    await readOn()
    const before = newest.get(kept.origin)
    if (before?.note === note) return
    refuseContradiction(kept, before)
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    const isNew = readBytes === 0
    const file = await open(path, ADDING, 0o600)
    try {
      await refuseNoFile(file)
      // A crash in the middle of a line leaves a half one that was never confirmed.
      await file.truncate(readBytes)
      await file.appendFile(`${JSON.stringify(note)}\n`)
      await file.datasync()
    } finally {
      await file.close()
    }
    if (isNew) await syncFolder(dirname(path))
  }

  return {
    name,
    strength: 'weak',
    administeredBy,
    keep: (note) => next(() => reachable(() => add(note))),
    newest: (origin) => next(() => reachable(readOn).then(() => newest.get(origin)?.note ?? null)),
    look: (origin) =>
      next(() =>
        reachable(async () => {
          await readOn()
          const size = newest.get(origin)?.size
          return {
            strength: 'weak',
            faults: ['whoever runs this machine can rewrite it'],
            seen: [],
            newest: size === undefined ? null : { size, at: Math.floor((await stat(path)).mtimeMs) },
          }
        }),
      ),
  }
}

function parseLine(line: string): Kept {
  let note: unknown
  try {
    note = JSON.parse(line)
  } catch (cause) {
    throw new Error('a line that is not JSON', { cause })
  }
  if (typeof note !== 'string' || JSON.stringify(note) !== line) throw new Error('a line that is not a JSON text')
  return parseKept(note)
}

function parseKept(note: string): Kept {
  return { note, ...parseCheckpoint(parseNote(note).text) }
}

function refuseContradiction(kept: Kept, before: Kept | undefined): void {
  if (!before) return
  const same = kept.size === before.size && kept.root.equals(before.root)
  if (kept.size > before.size || same) return
  const what = kept.size < before.size ? 'a smaller one' : 'another one of that size'
  throw new WitnessRefused(`it holds a checkpoint of ${kept.origin} of size ${before.size}; ${what} cannot follow`)
}

async function reachable<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task()
  } catch (cause) {
    if (cause instanceof WitnessRefused) throw cause
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new WitnessUnreachable(`the witness file cannot be used: ${why}`, { cause })
  }
}

async function openOrNull(path: string) {
  try {
    return await open(path, READING)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/**
 * A pipe would answer nobody: who waits for it holds a thread that everything else in the process needs as well.
 * @returns its size
 */
async function refuseNoFile(file: FileHandle): Promise<number> {
  const seen = await file.stat()
  if (!seen.isFile()) throw new Error('it is no file')
  return seen.size
}

const { O_APPEND, O_CREAT, O_NONBLOCK, O_RDONLY, O_WRONLY } = constants
const READING = O_RDONLY | O_NONBLOCK
const ADDING = O_WRONLY | O_APPEND | O_CREAT | O_NONBLOCK

/** The name of a new file is durable only when its folder is. */
async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

interface Kept extends Checkpoint {
  readonly note: string
}

export interface FileWitnessOptions {
  readonly path: string
  readonly name?: string
  /** In words for an auditor. */
  readonly administeredBy: string
}

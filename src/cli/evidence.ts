import { type FileHandle, open, rm } from 'node:fs/promises'
import { openEvidence } from '../workflow/open-evidence.ts'
import type { Arguments } from './read-arguments.ts'
import { readPatience } from './read-patience.ts'
import { DONE, type ExitCode, NO, say, warn } from './terminal.ts'
import { withSealedRecord } from './with-record.ts'

/** Writes the evidence of one grant. It holds the reasons that people gave, so the file is for its owner's eyes alone. */
export async function evidence(given: Arguments): Promise<ExitCode> {
  const out = given.value('out')
  const patienceMs = readPatience(given)
  const file = out === '' ? null : await newFile(out)
  try {
    return await withSealedRecord<ExitCode>(async (acting) => {
      const opened = await openEvidence(acting, { id: given.word(0), by: given.value('as'), patienceMs })
      const text = JSON.stringify(opened.file, null, 2)
      if (file === null) say(text)
      else await file.writeFile(`${text}\n`)
      await file?.close()
      if (file !== null) say(`${out} has ${opened.file.events.length} events on ${opened.id}.`)
      for (const { stream, from, to } of opened.missing) {
        const which = from === to ? `event ${from}` : `events ${from} to ${to}`
        warn(`Not in it: ${which} of ${stream}, because no witness has confirmed them yet. Ask again later`)
      }
      return opened.missing.length === 0 ? DONE : NO
    })
  } catch (error) {
    await file?.close()
    if (file !== null) await rm(out, { force: true })
    throw error
  }
}

async function newFile(path: string): Promise<FileHandle> {
  return open(path, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    const why = cause.code === 'EEXIST' ? 'is there already (EEXIST)' : `cannot be written (${cause.code})`
    throw new FileRefused(`${path} ${why}. Choose another name for --out`, { cause })
  })
}

class FileRefused extends Error {
  readonly code = 'FILE_REFUSED'
  override name = 'FileRefused'
}

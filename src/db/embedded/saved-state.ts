import { randomBytes } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import path from 'node:path'
import { z } from 'zod'
import { EmbeddedError } from './embedded-error.ts'
import { freePort } from './free-port.ts'

/**
 * The server's port and passwords, made once and kept beside the cluster, readable by us alone.
 * They exist before the cluster: of two processes that race, both then make the same one.
 */
export async function savedState(home: string): Promise<SavedState> {
  const file = path.join(home, 'server.json')
  const existing = await read(file)
  if (existing) return existing
  const fresh = { port: await freePort(), passwords: newPasswords() }
  const draft = await writeDraft(home, fresh)
  try {
    // A link fails when the name is taken, so the first of two stays.
    await link(draft, file)
    return fresh
  } catch (error) {
    const first = await read(file)
    if (first) return first
    throw error
  } finally {
    await rm(draft, { force: true })
  }
}

/** Keeps another port, because the old one was taken. */
export async function savePort(home: string, state: SavedState, port: number): Promise<SavedState> {
  const moved = { ...state, port }
  await rename(await writeDraft(home, moved), path.join(home, 'server.json'))
  return moved
}

async function read(file: string): Promise<SavedState | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  try {
    return stateSchema.parse(JSON.parse(text))
  } catch (cause) {
    throw new EmbeddedError('start-failed', `${file} is damaged. Put back a copy of it: it has the passwords.`, {
      cause,
    })
  }
}

async function writeDraft(home: string, state: SavedState): Promise<string> {
  const draft = path.join(home, `server.json.${randomBytes(6).toString('hex')}`)
  const handle = await open(draft, 'wx', 0o600)
  try {
    await handle.writeFile(`${JSON.stringify(state, null, 2)}\n`)
    await handle.sync()
  } finally {
    await handle.close()
  }
  return draft
}

function newPasswords(): SavedState['passwords'] {
  const make = () => randomBytes(24).toString('base64url')
  return { superuser: make(), app: make(), sealer: make(), owner: make() }
}

const stateSchema = z.object({
  port: z.int().min(1).max(65_535),
  passwords: z.object({ superuser: z.string(), app: z.string(), sealer: z.string(), owner: z.string() }),
})

export type SavedState = z.infer<typeof stateSchema>

import { execFile } from 'node:child_process'
import { stat } from 'node:fs/promises'
import path from 'node:path'
import { promisify } from 'node:util'
import { EmbeddedError } from './embedded-error.ts'

const run = promisify(execFile)
const NAME = 'countersign'

/**
 * Who runs the server. PostgreSQL refuses root, so root hands it to the system user `countersign`,
 * made when missing; where no user can be made, to `nobody`. Anybody else runs it as themselves.
 */
export async function serverUser(): Promise<ServerUser | undefined> {
  if (process.getuid?.() !== 0) return undefined
  const existing = await lookUp(NAME)
  if (existing) return existing
  const shell = '/usr/sbin/nologin'
  await run('useradd', ['--system', '--user-group', '--no-create-home', '--shell', shell, NAME]).catch(() => undefined)
  // Looked up even after a failure: another process may have made it in the same instant.
  const user = (await lookUp(NAME)) ?? (await lookUp('nobody'))
  if (user) return user
  throw new EmbeddedError(
    'no-server-user',
    'PostgreSQL refuses to run as root and no other user could be made. Start as another user, or set DATABASE_URL.',
  )
}

async function lookUp(name: string): Promise<ServerUser | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { name, uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

/**
 * True when `user` may enter every folder down to `target`, by the mode bits alone.
 * @param access what it must be allowed on `target` itself, as in chmod: 5 is to read and to enter or run
 */
export async function isReachable(target: string, user: ServerUser, access = 0o5): Promise<boolean> {
  for (let at = path.resolve(target); ; at = path.dirname(at)) {
    const entry = await stat(at).catch(() => undefined)
    if (entry) {
      const shift = entry.uid === user.uid ? 6 : entry.gid === user.gid ? 3 : 0
      const needed = at === path.resolve(target) ? access : 0o1
      if (((entry.mode >> shift) & needed) !== needed) return false
    }
    if (at === path.dirname(at)) return true
  }
}

export interface ServerUser {
  name: string
  uid: number
  gid: number
}

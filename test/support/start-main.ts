import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

/** Countersign as `npm start` runs it, in a process of its own. Resolves when it says where it is. */
export async function startMain(
  environment: Readonly<Record<string, string>>,
  { root = process.cwd(), user }: MainOptions = {},
): Promise<MainProcess> {
  const child = spawn(process.execPath, ['src/main.ts'], {
    cwd: root,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(user && { uid: user.uid, gid: user.gid }),
  })
  const log: string[] = []
  createInterface(child.stderr).on('line', (line) => log.push(line))
  const ended = once(child, 'exit').then(([code]) => code as number | null)
  const said = Promise.withResolvers<string>()
  createInterface(child.stdout).on('line', (line) => {
    const url = /Countersign is at (\S+)/.exec(line)?.[1]
    if (url !== undefined) said.resolve(url)
  })
  const url = await Promise.race([said.promise, ended.then(() => null)])
  if (url === null) throw new Error(`it did not start:\n${log.join('\n')}`)
  return { url, log, ended, signal: (signal) => void child.kill(signal) }
}

interface MainOptions {
  /** Where the sources are. */
  readonly root?: string
  /** Who runs it, when we are root. */
  readonly user?: { readonly uid: number; readonly gid: number }
}

export interface MainProcess {
  readonly url: string
  readonly log: readonly string[]
  /** The exit code; null when a signal ended it. */
  readonly ended: Promise<number | null>
  signal(signal: NodeJS.Signals): void
}

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { COMPILED } from './compiled.ts'

/** Runs a script of the tests in a process of its own, to be killed, or to race with others. */
export function startNode(script: string, args: string[] = [], options: NodeOptions = {}): NodeProcess {
  const child = spawn(process.execPath, [script, ...args], {
    env: { ...process.env, ...COMPILED },
    stdio: ['pipe', 'pipe', 'pipe'],
    detached: options.ownGroup ?? false,
    ...(options.user && { uid: options.user.uid, gid: options.user.gid }),
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    errors += text
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const ended = once(child, 'close').then(([code, signal]) => ({ code: code as number | null, signal, errors }))
  return {
    pid: child.pid ?? 0,
    async line() {
      const { value, done } = await lines.next()
      if (done) throw new Error(`${script} ended early: ${(await ended).errors}`)
      return value
    },
    tell: (text) => void child.stdin.write(`${text}\n`),
    kill: (signal) => void child.kill(signal),
    ended,
  }
}

export interface NodeOptions {
  /** In a process group of its own, as a terminal's foreground job is. */
  ownGroup?: boolean
  /** Who runs it, when we are root. */
  user?: { uid: number; gid: number }
}

export interface NodeProcess {
  pid: number
  /** The next line that it printed. */
  line(): Promise<string>
  /** Sends a line to its input. */
  tell(text: string): void
  kill(signal: NodeJS.Signals): void
  ended: Promise<{ code: number | null; signal: unknown; errors: string }>
}

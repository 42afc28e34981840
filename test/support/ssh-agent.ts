import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** OpenSSH's own agent on a socket of its own, with keys that the test makes. */
export async function startSshAgent(): Promise<SshAgent> {
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-agent-'))
  const socket = path.join(folder, 'agent.sock')
  const environment = { ...process.env, SSH_AUTH_SOCK: socket }
  let stop = await start()

  async function start() {
    await rm(socket, { force: true })
    const agent = spawn(process.execPath, [TIED, 'ssh-agent', '-D', '-a', socket], {
      stdio: ['pipe', 'ignore', 'ignore'],
    })
    for (let tries = 0; !existsSync(socket); tries++) {
      if (tries === 500) throw new Error('ssh-agent did not start: is OpenSSH installed?')
      await sleep(20)
    }
    return async () => {
      if (agent.exitCode !== null) return
      agent.stdin.end()
      await once(agent, 'exit')
    }
  }

  return {
    socket,
    async makeKey(type) {
      const file = path.join(folder, `${type}-${Math.random()}`)
      await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-C', 'test', '-f', file])
      const [, text = ''] = (await readFile(`${file}.pub`, 'utf8')).split(' ')
      return {
        text,
        publicKey: Buffer.from(text, 'base64'),
        add: () => run('ssh-add', ['-q', file], { env: environment }),
        remove: () => run('ssh-add', ['-q', '-d', file], { env: environment }),
      }
    },
    stop: () => stop(),
    async startAgain() {
      stop = await start()
    },
    async close() {
      await stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

const TIED = path.join(import.meta.dirname, 'tied-process.ts')

export interface SshAgent {
  readonly socket: string
  makeKey(type: 'ed25519' | 'rsa'): Promise<AgentKey>
  stop(): Promise<void>
  /** With no keys. */
  startAgain(): Promise<void>
  close(): Promise<void>
}

interface AgentKey {
  /** The second word of its `.pub` file. */
  readonly text: string
  readonly publicKey: Buffer
  add(): Promise<unknown>
  remove(): Promise<unknown>
}

import { spawn } from 'node:child_process'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { COMPILED } from './compiled.ts'

const CLI = path.join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
/** Made by the tests' set-up of the same sources: it starts in half the time. */
const BUNDLED = process.env.TEST_CLI

/** Runs the real command, configured by `environment` and nothing else. @param killed when it dies of kill -9 */
export function countersign(
  args: readonly string[],
  environment: Readonly<Record<string, string>> = {},
  killed?: AbortSignal,
): Promise<Ran> {
  return run(BUNDLED ?? CLI, args, environment, killed)
}

/** The same from the sources, as `npm run countersign` does. */
export function countersignFromSources(args: readonly string[]): Promise<Ran> {
  return run(CLI, args, {})
}

async function run(
  script: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
  killed?: AbortSignal,
): Promise<Ran> {
  const child = spawn(process.execPath, [script, ...args], {
    env: { PATH: process.env.PATH ?? '', ...COMPILED, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  killed?.addEventListener('abort', () => child.kill('SIGKILL'))
  const code = new Promise<number | null>((resolve, reject) => child.once('error', reject).once('close', resolve))
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)])
  return { code: await code, out, err }
}

export interface Ran {
  readonly code: number | null
  readonly out: string
  readonly err: string
}

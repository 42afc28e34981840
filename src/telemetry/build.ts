import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** Which build runs: for the start's event and for readiness. */
export interface Build {
  readonly version: string
  /** Git commit, or `unknown` where the sources came without their history. */
  readonly commit: string
  /** SHA-256 of package-lock.json, hex: every dependency, exactly. */
  readonly lockFile: string
}

const ROOT = path.join(import.meta.dirname, '..', '..')

export async function readBuild(): Promise<Build> {
  const [manifest, lockFile, commit] = await Promise.all([
    readFile(path.join(ROOT, 'package.json'), 'utf8'),
    readFile(path.join(ROOT, 'package-lock.json')),
    readCommit(),
  ])
  const { version } = JSON.parse(manifest) as { version: string }
  return { version, commit, lockFile: createHash('sha256').update(lockFile).digest('hex') }
}

async function readCommit(): Promise<string> {
  try {
    const head = (await readFile(path.join(ROOT, '.git', 'HEAD'), 'utf8')).trim()
    const ref = /^ref: (.+)$/.exec(head)?.[1]
    if (ref === undefined) return head
    const direct = await readFile(path.join(ROOT, '.git', ref), 'utf8').catch(() => null)
    if (direct !== null) return direct.trim()
    const packed = await readFile(path.join(ROOT, '.git', 'packed-refs'), 'utf8')
    return (
      packed
        .split('\n')
        .find((line) => line.endsWith(` ${ref}`))
        ?.slice(0, 40) ?? 'unknown'
    )
  } catch {
    return 'unknown'
  }
}

import { spawn } from 'node:child_process'
import { chmod, mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../src/db/embedded/free-port.ts'
import { countersign } from '../support/command-line.ts'
import { createPerson, idOn } from '../support/house.ts'

const CLI = path.join(import.meta.dirname, '..', '..', 'src', 'cli.ts')
let environment: Record<string, string>
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-demo-'))
  await chmod(folder, 0o755)
  environment = { DATA_DIR: path.join(folder, 'data'), PORT: String(await freePort()) }
})
afterAll(async () => {
  await stopServing()
  await rm(folder, { recursive: true, force: true })
})

let stopServing = async () => {}

it('works with nothing configured, beside the process that serves and without it', async () => {
  for (const command of [['key'], ['verify', '--log'], ['evidence', 'G-7K3QF0', '--as', 'E105']]) {
    const ran = await countersign(command, environment)
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('Look where DATA_DIR')
  }
  await expect(stat(path.join(folder, 'data')), 'nothing is made by looking').rejects.toThrow('ENOENT')

  const serving = await serve()
  const key = await countersign(['key'], environment)
  expect(key).toMatchObject({ code: 0, err: '' })
  const id = idOn(await createPerson(serving.url).command('E101', 'prod-db 1m fix the ledger please'))
  const beside = path.join(folder, 'beside.json')
  expect(await countersign(['evidence', id, '--as', 'E105', '--out', beside], environment)).toMatchObject({ code: 0 })
  expect(await countersign(['verify', '--log'], environment)).toMatchObject({ code: 0, err: '' })
  await stopServing()
  // Whoever makes the folder first, the server's files lie in it.
  expect((await stat(path.join(folder, 'data', 'postgres', 'data'))).isDirectory()).toBe(true)

  const alone = path.join(folder, 'alone.json')
  expect(await countersign(['evidence', id, '--as', 'E105', '--out', alone], environment)).toMatchObject({ code: 0 })
  expect(await countersign(['verify', '--log'], environment)).toMatchObject({ code: 0, err: '' })
  expect(await countersign(['migrate'], environment)).toMatchObject({ code: 0, err: '' })
  for (const file of [beside, alone]) {
    expect(await countersign(['verify', file, '--key', key.out.trim()])).toMatchObject({ code: 0, err: '' })
  }
})

async function serve(): Promise<{ url: string }> {
  const child = spawn(process.execPath, [CLI, 'serve'], {
    env: { PATH: process.env.PATH ?? '', ...environment },
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  stopServing = async () => {
    child.kill('SIGTERM')
    await exited
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /Countersign is at (\S+)/.exec(line)?.[1]
    if (url !== undefined) return { url }
  }
  throw new Error('it ended before it served')
}

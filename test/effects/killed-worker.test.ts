import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEffectsDatabase, type EffectsDatabase, until } from '../support/effects.ts'

let database: EffectsDatabase

beforeAll(async () => {
  database = await createEffectsDatabase()
})
afterAll(() => database.drop())

test('what a killed process had taken is done by another one, within seconds', async () => {
  const script = path.join(import.meta.dirname, 'doomed-worker.ts')
  const child = spawn(process.execPath, [script, database.appUrl], { stdio: ['ignore', 'pipe', 'inherit'] })
  const said: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => said.push(line))
  try {
    await until(() => said.includes('ready'))
    await database.add({ kind: 'revoke', key: 'G-1', data: { grant: 'G-1' } })
    await until(() => said.includes('taken G-1 1'))
    child.kill('SIGKILL')
    await once(child, 'exit')

    const seen: unknown[] = []
    await database.work({
      revoke: { retry: 'forever', run: async (data, { attempt }) => void seen.push([data, attempt]) },
    })
    // Added again while nobody knows yet that its worker is dead: done after it, not instead of it.
    await database.add({ kind: 'revoke', key: 'G-1', data: { grant: 'G-1' } })
    await until(() => seen.length === 2)
    expect(seen.sort()).toEqual([
      [{ grant: 'G-1' }, 1],
      [{ grant: 'G-1' }, 2],
    ])
  } finally {
    child.kill('SIGKILL')
  }
})

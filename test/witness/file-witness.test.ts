import { execFileSync } from 'node:child_process'
import { appendFile, mkdtemp, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { WitnessRefused, WitnessUnreachable } from '../../src/ports/witness.ts'
import { newSigningKey } from '../../src/record/key-files.ts'
import { parseSigningKey, signCheckpoint } from '../../src/record/signer.ts'
import { createFileWitness } from '../../src/witness/file-witness.ts'

const key = newSigningKey()
let folder: string
let path: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-witness-'))
  path = join(folder, 'kept', 'checkpoints')
})
afterEach(() => rm(folder, { recursive: true }))

const create = () => createFileWitness({ path, administeredBy: 'whoever runs Countersign' })
const note = (size: number, { root = size, origin = 'test.example/log' } = {}) =>
  signCheckpoint(parseSigningKey(key, origin), { size, root: Buffer.alloc(32, root) })

test('the newest checkpoint comes back, by this witness and by one that reads the file later', async () => {
  const witness = create()
  expect(await witness.newest('test.example/log')).toBeNull()
  const notes = await Promise.all([1, 2, 300].map((size) => note(size)))
  await Promise.all(notes.map((one) => witness.keep(one)))
  expect(await witness.newest('test.example/log')).toBe(notes[2])
  expect(await create().newest('test.example/log')).toBe(notes[2])
  expect(await witness.newest('test.example/other')).toBeNull()
  expect((await stat(path)).mode & 0o777).toBe(0o600)
})

test('it says what it is worth', () => {
  expect(create()).toMatchObject({ name: 'file', strength: 'weak', administeredBy: 'whoever runs Countersign' })
})

test('the same note twice is kept once', async () => {
  const witness = create()
  await witness.keep(await note(5))
  await witness.keep(await note(5))
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(2)
})

test('a smaller checkpoint, or another one of that size, is refused; another log is not concerned', async () => {
  const witness = create()
  await witness.keep(await note(5))
  await expect(witness.keep(await note(4))).rejects.toThrow(WitnessRefused)
  await expect(witness.keep(await note(5, { root: 9 }))).rejects.toThrow('another one of that size')
  await witness.keep(await note(1, { origin: 'test.example/other' }))
  expect(await witness.newest('test.example/log')).toBe(await note(5))
})

test('two processes see what the other kept', async () => {
  const [one, two] = [create(), create()]
  await one.keep(await note(1))
  await two.keep(await note(2))
  await expect(one.keep(await note(1))).rejects.toThrow(WitnessRefused)
  expect(await one.newest('test.example/log')).toBe(await note(2))
})

test('many checkpoints are read in pieces', async () => {
  const lines = await Promise.all(
    Array.from({ length: 2_000 }, async (_, n) => JSON.stringify(await note(n + 1, { root: 1 }))),
  )
  await create().keep(await note(1, { root: 1 }))
  await writeFile(path, `${lines.join('\n')}\n`)
  expect(await create().newest('test.example/log')).toBe(await note(2_000, { root: 1 }))
})

describe('the file was touched', () => {
  test('half a line at the end, as a crash leaves it, was never confirmed and is written over', async () => {
    const witness = create()
    await witness.keep(await note(1))
    await appendFile(path, JSON.stringify(await note(2)).slice(0, 50))
    expect(await create().newest('test.example/log')).toBe(await note(1))
    await witness.keep(await note(3))
    expect(await create().newest('test.example/log')).toBe(await note(3))
  })

  test.each([
    ['a line that is no JSON', async () => 'scribble'],
    ['a line that is another JSON', async () => '{"note":1}'],
    ['a note without a signature', async () => JSON.stringify('test.example/log\n3\n')],
    ['a note with a size that is none', async () => JSON.stringify((await note(3)).replace('\n3\n', '\n03\n'))],
    ['other JSON for the same note', async () => ` ${JSON.stringify(await note(3))}`],
  ])('%s: nothing in it is believed', async (_, line) => {
    await create().keep(await note(1))
    await appendFile(path, `${await line()}\n`)
    await expect(create().newest('test.example/log')).rejects.toThrow(WitnessUnreachable)
    await expect(create().keep(await note(4))).rejects.toThrow(WitnessUnreachable)
  })

  test('a bad line after good ones stays unreachable, however often it is read: nothing is taken for a fork', async () => {
    for (const size of [1, 2]) await create().keep(await note(size))
    await appendFile(path, 'scribble\n')
    const witness = create()
    for (const _ of [1, 2]) {
      await expect(witness.newest('test.example/log')).rejects.toThrow(WitnessUnreachable)
      await expect(witness.keep(await note(4))).rejects.toThrow(WitnessUnreachable)
    }
  })

  test('an older checkpoint after a newer one is refused', async () => {
    await create().keep(await note(5))
    await appendFile(path, `${JSON.stringify(await note(4))}\n`)
    await expect(create().newest('test.example/log')).rejects.toThrow(WitnessRefused)
  })

  test('a file that was cut or removed is read anew', async () => {
    const witness = create()
    await witness.keep(await note(1))
    const { size } = await stat(path)
    await witness.keep(await note(2))
    await truncate(path, size)
    expect(await witness.newest('test.example/log')).toBe(await note(1))
    await rm(path)
    expect(await witness.newest('test.example/log')).toBeNull()
  })

  test('what is no file, such as a pipe that never answers, is unreachable and holds up nobody', async () => {
    execFileSync('sh', ['-c', 'mkfifo "$0"', join(folder, 'pipe')])
    for (const place of [join(folder, 'pipe'), '/dev/null', folder]) {
      const witness = createFileWitness({ path: place, administeredBy: 'x' })
      await expect(witness.newest('test.example/log'), place).rejects.toThrow(WitnessUnreachable)
      await expect(witness.keep(await note(1)), place).rejects.toThrow(WitnessUnreachable)
    }
  })

  test('a place that cannot be written is unreachable', async () => {
    await writeFile(join(folder, 'kept'), 'a file where a folder should be')
    await expect(create().keep(await note(1))).rejects.toThrow(WitnessUnreachable)
  })
})

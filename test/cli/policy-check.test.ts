import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { hashPolicy } from '../../src/policy/build-policy.ts'
import { countersign } from '../support/command-line.ts'

const EXAMPLE = path.join(import.meta.dirname, '..', '..', 'docs', 'policy.example.yaml')
let folder: string
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'countersign-check-'))
})
afterAll(() => rm(folder, { recursive: true }))

async function changed(change: (text: string) => string): Promise<string> {
  const file = path.join(folder, 'policy.yaml')
  await writeFile(file, change(await readFile(EXAMPLE, 'utf8')))
  return file
}

it('accepts the example that ships, says its hash, and needs no configuration', async () => {
  const ran = await countersign(['policy', 'check', EXAMPLE])
  expect(ran).toMatchObject({ code: 0, err: '' })
  expect(ran.out).toContain(hashPolicy(await readFile(EXAMPLE, 'utf8')))
  expect(ran.out).toContain('is a valid policy')
})

it('names every fault with file, line, column, path and remedy', async () => {
  const file = await changed((text) =>
    text.replace('pendingFor: 8h', 'pendingFor: soon').replace('channel: access', 'chanel: access'),
  )
  const { code, out } = await countersign(['policy', 'check', file])
  expect(code).toBe(1)
  const lines = out.trimEnd().split('\n')
  expect(lines).toHaveLength(4)
  for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\S+\/policy\.yaml:\d+:\d+ [\w.-]+: .+\. .+/)
  expect(out).toContain('Did you mean channel?')
  expect(out).toMatch(/policy\.yaml:\d+:\d+ pendingFor: "soon"/)
  expect(lines.at(-1)).toBe(`${file} is not a valid policy: 3 faults, no warnings`)
})

it('prints warnings, which stop nothing', async () => {
  const file = await changed((text) => text.replace(/(Lindqvist\n.+\n) {4}manager: E1004\n/, '$1'))
  const { code, out } = await countersign(['policy', 'check', file])
  expect(code).toBe(0)
  expect(out).toMatch(/policy\.yaml:\d+:\d+ .+ \(warning\)/)
  expect(out).toContain('warning.')
})

it('says which file it cannot read', async () => {
  const ran = await countersign(['policy', 'check', '/nowhere/policy.yaml'])
  expect(ran).toMatchObject({ code: 1, out: '' })
  expect(ran.err).toContain('/nowhere/policy.yaml cannot be read (ENOENT)')
})

import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { describe, expect, it } from 'vitest'

/** A linter that looks at nothing passes too: what must fail is shown to fail. */
describe('the linter', () => {
  it.each([
    [
      'a promise that nobody awaits',
      'noFloatingPromises',
      'async function later() {}\nexport function start() {\n  later()\n}\n',
    ],
    [
      'a promise from another file that nobody awaits',
      'noFloatingPromises',
      "import { save } from './save.ts'\n\nexport function start() {\n  save()\n}\n",
    ],
    ['any', 'noExplicitAny', 'export const a: any = 1\n'],
    ['console', 'noConsole', "console.log('x')\n"],
    ['an enum', 'noEnum', 'export enum A {\n  B,\n}\n'],
    ['a non-null assertion', 'noNonNullAssertion', 'export const first = (list: string[]) => list[0]!.length\n'],
  ])('refuses %s', (_, rule, text) => {
    expect(lint(text)).toContain(rule)
  })

  it('passes what is good', () => {
    expect(lint("import { save } from './save.ts'\n\nexport async function start() {\n  await save()\n}\n")).toBe('')
  })
})

/** What Biome finds in a text, with the settings of the project. */
function lint(text: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'countersign-lint-'))
  try {
    copyFileSync('biome.json', join(folder, 'biome.json'))
    writeFileSync(join(folder, 'save.ts'), 'export async function save(): Promise<void> {}\n')
    writeFileSync(join(folder, 'file.ts'), text)
    const args = ['lint', '--vcs-enabled=false', '--error-on-warnings', '--reporter=github', 'file.ts']
    const run = spawnSync(resolve('node_modules/.bin/biome'), args, { cwd: folder, encoding: 'utf8' })
    if (run.error !== undefined) throw run.error
    return run.status === 0 ? '' : `${run.stdout}${run.stderr}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

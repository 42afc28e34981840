import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { chmod, chown, cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { freePort } from '../../src/db/embedded/free-port.ts'
import { isReachable, serverUser } from '../../src/db/embedded/server-user.ts'
import { type House, openHouse } from '../support/house.ts'
import { readDockerfile } from '../support/read-dockerfile.ts'
import { startMain } from '../support/start-main.ts'

const run = promisify(execFile)
const instructions = readDockerfile(await readFile('Dockerfile', 'utf8'))
const all = (name: string) => instructions.filter((one) => one.name === name).map(({ rest }) => rest)
const copied = all('COPY').flatMap((rest) => rest.split(/\s+/).slice(0, -1))
const install = all('RUN').find((rest) => rest.includes('npm ci')) ?? ''

let house: House
let folder: string
beforeAll(async () => {
  house = await openHouse()
  const user = await serverUser()
  const root = !user || (await isReachable(tmpdir(), user)) ? tmpdir() : '/tmp'
  folder = await mkdtemp(path.join(root, 'countersign-image-'))
  await chmod(folder, 0o755)
})
afterAll(async () => {
  await run('chmod', ['-R', 'u+w', folder])
  await rm(folder, { recursive: true, force: true })
  await house.close()
})

test('it starts from the Node that the code needs, by name and not by digest', () => {
  expect(all('FROM')).toEqual(['node:24-slim'])
  expect(install).toMatch(/^npm ci --omit=dev /)
  expect(all('CMD')).toEqual(['["node", "src/main.ts"]'])
})

test('it runs as somebody who is not root, and nothing runs as root after that', () => {
  const names = instructions.map(({ name }) => name)
  expect(all('USER')).toEqual(['node'])
  expect(names.lastIndexOf('RUN')).toBeLessThan(names.indexOf('USER'))
  expect(names.lastIndexOf('COPY')).toBeLessThan(names.indexOf('USER'))
})

test('it asks the process whether it is up', () => {
  expect(all('HEALTHCHECK').join()).toContain('/healthz')
})

test('no secret is in it, and none can be copied into it by mistake', async () => {
  expect(instructions.filter(({ rest }) => /password|secret|token|_KEY|DATABASE_URL/i.test(rest))).toEqual([])
  expect(all('ADD')).toEqual([])
  const [first, ...rest] = (await readFile('.dockerignore', 'utf8')).split('\n').filter((line) => /^[^#]/.test(line))
  expect(first).toBe('*')
  const allowed = rest.filter((line) => line.startsWith('!')).map((line) => line.slice(1))
  expect(allowed.toSorted()).toEqual([...new Set(copied)].toSorted())
  const inside = await Promise.all(copied.map((name) => readdir(name, { recursive: true }).catch(() => [name])))
  expect(inside.flat().filter((name) => /\.(pem|hex|key)$|\.env/.test(name))).toEqual([])
})

test('what it copies is there, and is enough to start from a read-only folder', async () => {
  const app = path.join(folder, 'app')
  await mkdir(app)
  for (const name of copied) {
    expect(existsSync(name), name).toBe(true)
    await cp(name, path.join(app, name), { recursive: true })
  }
  const flags = install.split('&&')[0]?.trim().split(/\s+/).slice(2) ?? []
  await run('npm', ['ci', ...flags, '--prefer-offline', '--no-audit', '--no-fund'], { cwd: app })
  await mkdir(path.join(app, '.git'))
  await writeFile(path.join(app, '.git', 'HEAD'), 'c0ffee\n')
  await run('chmod', ['-R', 'a-w,a+rX', app])

  const data = path.join(folder, 'data')
  await mkdir(data)
  const user = await serverUser()
  const settings = ['SIGNING_KEY_FILE', 'MAC_KEY_FILE', 'SECRETS_KEY_FILE', 'POLICY_FILE'] as const
  const files = await Promise.all(
    settings.map(async (name) => {
      const [from, to] = [house.environment[name] ?? '', path.join(data, name)]
      await cp(from, to)
      if (user) await chown(to, user.uid, user.gid)
      return [name, to] as const
    }),
  )
  if (user) await chown(data, user.uid, user.gid)
  const running = await startMain(
    {
      ...house.environment,
      ...Object.fromEntries(files),
      ...{ PORT: String(await freePort()), DATA_DIR: data, WITNESSES: `file:${path.join(data, 'witness')}` },
      ...{ NODE_ENV: 'production', HOME: '/nowhere', TMPDIR: '/nowhere' },
    },
    { root: app, ...(user && { user }) },
  )
  const response = await fetch(`${running.url}/readyz`)
  expect(response.status).toBe(200)
  const { checks } = (await response.json()) as { checks: { name: string; state: string }[] }
  for (const name of ['database', 'schema', 'policy', 'clock']) {
    expect(checks.find((check) => check.name === name)?.state, name).toBe('ok')
  }
  expect(await (await fetch(`${running.url}/metrics`)).text()).toContain('commit="c0ffee"')
  running.signal('SIGTERM')
  expect(await running.ended).toBe(0)
})

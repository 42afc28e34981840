/**
 * Passkeys in a real Chromium with virtual authenticators, against the real door, workflow, record and PostgreSQL; the
 * clock is the test's.
 */
import { generateKeyPairSync } from 'node:crypto'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { MINUTE } from '../../src/domain/duration.ts'
import type { Answer } from '../../src/ports/chat.ts'
import { openPasskeyToken } from '../../src/secrets/passkey-link.ts'
import { createPasskeyPage } from '../../src/web/passkey-page.ts'
import { createRevealPage } from '../../src/web/reveal-page.ts'
import { createPasskeys } from '../../src/web/webauthn.ts'
import { confirmDecision } from '../../src/workflow/confirm-decision.ts'
import type { Context } from '../../src/workflow/context.ts'
import { decideGrant } from '../../src/workflow/decide-grant.ts'
import { decideOnPasskey, newPasskey, offerPasskey } from '../../src/workflow/enrol-passkey.ts'
import { loadGrant } from '../../src/workflow/grant-store.ts'
import { newId } from '../../src/workflow/new-id.ts'
import { loadPasskeys } from '../../src/workflow/passkey-store.ts'
import { showPasskeyPage } from '../../src/workflow/show-decision.ts'
import { createDevice, type Device } from '../support/authenticator.ts'
import { launchBrowser } from '../support/browser.ts'
import { listen } from '../support/listen.ts'
import { createTestLog } from '../support/log.ts'
import { testEntitlement, testTarget } from '../support/policy.ts'
import { createTestContext, type TestContext } from '../workflow/test-context.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 180_000 })

const START = 1_790_000_000_000
let house: TestContext
let context: Context
let server: Awaited<ReturnType<typeof listen>>
let browser: Browser
let marcus: Device
let olga: Device
let grant: string
let acts = 0

beforeAll(async () => {
  house = await createTestContext(START)
  house.setPolicy({
    targets: { 'prod-db': testTarget({ entitlements: { read: testEntitlement({ stepUp: 'passkey' }) } }) },
  })
  let url = ''
  const passkeys = createPasskeys(() => url)
  server = await listen(
    createRevealPage({ peek: async () => 'unknown', reveal: () => Promise.reject(), log: createTestLog().log }),
    createPasskeyPage({
      ...{ passkeys, log: createTestLog().log },
      open: (token) => openPasskeyToken(context.sealing, token),
      show: (token, ticket) => showPasskeyPage(context, token, ticket),
      use: (token, ticket, response) =>
        (ticket.kind === 'decision' ? confirmDecision : offerPasskey)(context, token, ticket, response),
    }),
  )
  url = server.url.replace('127.0.0.1', 'localhost')
  context = { ...house.context, publicUrl: url, passkeys }
  browser = await launchBrowser()
  marcus = await createDevice(browser)
  olga = await createDevice(browser, { synced: true })
  await enrol('marcus', marcus)
  await enrol('olga', olga)
})
afterAll(async () => {
  await browser?.close()
  await server?.close()
  await house?.database.drop()
})

beforeEach(async () => {
  grant = newId('G')
  await house.happen(grant, {
    type: 'request.asked',
    data: {
      ...{ by: 'ana', for: 'ana', target: 'prod-db', entitlement: 'read', grants: 'ledger_read' },
      ...{ durationMs: 30 * MINUTE, reason: 'fix the ledger', channel: 'access', policy: 'a'.repeat(64) },
      ...{ pendingUntil: context.clock.now() + 60 * MINUTE, rules: ['1 of manager, owners'] },
      approvers: [{ id: 'marcus', as: ['manager'] }],
    },
  })
})

const actOf = (id: string) => ({ key: `test:${acts++}`, account: { platform: 'local', tenant: 'local', id } })

function linkIn(answer: Answer): string {
  const url = /http:[^"]+\/passkey\/[\w-]+/.exec(JSON.stringify(answer))?.[0]
  if (url === undefined) throw new Error(`no link in ${JSON.stringify(answer)}`)
  return url
}

async function enrol(who: string, device: Device): Promise<void> {
  expect(await device.follow(linkIn(await newPasskey(context, actOf(who))))).toContain('as soon as')
  const { state } = await loadPasskeys(context, context.db, who)
  await decideOnPasskey(context, actOf('carla'), who, state.offer?.seq ?? 0, 'confirm')
}

const press = async (who = 'marcus') => linkIn(await decideGrant(context, actOf(who), grant, { what: 'approve' }))

async function typesOf(): Promise<string[]> {
  return ((await loadGrant(context, context.db, grant))?.events ?? []).map(({ type }) => type)
}

/** Presses the button where nothing can be signed: the page stays, and says why. */
async function tryInVain({ page }: Device, url: string): Promise<string> {
  await page.goto(url)
  await page.locator('button.primary').click()
  await page.waitForFunction('document.getElementById("trouble").textContent !== ""')
  return page.locator('#trouble').innerText()
}

test('the right key approves', async () => {
  expect(await marcus.follow(await press())).toContain('Approved.')
  expect(await typesOf()).toContain('request.approved')
})

test('a synced passkey says in its event that it is one', async () => {
  expect(await olga.follow(await press('olga'))).toContain('Approved.')
  const signed = (await loadGrant(context, context.db, grant))?.events.find(({ type }) => type === 'request.signed')
  expect(signed?.data).toMatchObject({ assertion: { flags: { up: true, uv: true, be: true, bs: true } } })
})

test('a wrong key under the right name is refused, and that is on record', async () => {
  const [own] = await marcus.passkeys()
  const thief = await createDevice(browser)
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const forged = privateKey.export({ format: 'der', type: 'pkcs8' }).toString('base64')
  await thief.take({ ...own, privateKey: forged, isResidentCredential: false, signCount: 1 })
  expect(await thief.follow(await press())).toContain('does not hold for this decision')
  expect(await typesOf()).toEqual(['request.asked', 'passkey.challenged', 'act.refused'])
  await thief.close()
})

test('a link that was used shows its page no more, and what was sent for it is good for no other', async () => {
  const first = await press()
  const posted = marcus.page.waitForRequest((request) => request.method() === 'POST')
  await marcus.follow(first)
  const body = (await posted).postData() ?? ''
  await marcus.page.goto(first)
  expect(await marcus.page.locator('h1').innerText()).toBe('This link has been used')
  const replay = (url: string) =>
    fetch(url, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } })
  const before = await typesOf()
  expect(await (await replay(first)).text()).toContain('Approved.')
  expect(await typesOf()).toEqual(before)
  const id = grant
  grant = newId('G')
  await house.happen(grant, ...((await loadGrant(context, context.db, id))?.events.slice(0, 1) ?? []))
  expect(await (await replay(await press())).text()).toContain('does not hold for this decision')
  expect(await typesOf()).not.toContain('request.signed')
})

test('the page of another person finds no passkey', async () => {
  expect(await tryInVain(olga, await press())).toContain('this device has no passkey of yours')
  expect(await typesOf()).toEqual(['request.asked', 'passkey.challenged'])
})

test('a challenge that has expired meanwhile is refused, and its page is gone', async () => {
  const url = await press()
  await marcus.page.goto(url)
  await house.clock.set(context.clock.now() + 5 * MINUTE)
  await Promise.all([marcus.page.waitForEvent('response'), marcus.page.locator('button.primary').click()])
  await marcus.page.waitForLoadState()
  expect(await marcus.page.locator('main').innerText()).toContain('This link has expired')
  await marcus.page.goto(url)
  expect(await marcus.page.locator('h1').innerText()).toBe('This link has expired')
  expect(await typesOf()).not.toContain('request.signed')
})

test('a decision that was made meanwhile is not made again, and it says by whom', async () => {
  const url = await press()
  await olga.follow(await press('olga'))
  expect(await marcus.follow(url)).toContain('approved by Olga')
  expect((await typesOf()).filter((type) => type === 'request.signed')).toHaveLength(1)
})

test('without the fingerprint, face or PIN nothing is signed', async () => {
  await marcus.setVerified(false)
  expect(await tryInVain(marcus, await press())).toContain('Nothing was decided')
  expect(await typesOf()).toEqual(['request.asked', 'passkey.challenged'])
  await marcus.setVerified(true)
})

test.each([
  ['phone', { width: 390, height: 844 }],
  ['narrow', { width: 320, height: 640 }],
  ['desktop', { width: 1280, height: 800 }],
])('the pages fit a %s, and say who asks for what, how long and why', async (_, viewport) => {
  const device = await createDevice(browser, { viewport })
  for (const url of [await press(), linkIn(await newPasskey(context, actOf('marcus')))]) {
    await device.page.goto(url)
    expect(await device.page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true)
  }
  await device.page.goto(await press())
  const words = await device.page.locator('main').innerText()
  for (const word of ['Ana', 'prod-db:read', '30m', 'fix the ledger', grant, 'Approve as Marcus'])
    expect(words).toContain(word)
  const look = async (name: string) => {
    const folder = process.env.PICTURES
    if (folder !== undefined) await device.page.screenshot({ path: `${folder}/${name}-${viewport.width}.png` })
  }
  await look('decision')
  await device.page.goto(linkIn(await newPasskey(context, actOf('marcus'))))
  await look('enrolment')
  await device.follow(device.page.url())
  await look('done')
  await device.close()
})

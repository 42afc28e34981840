import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { deniedCard, type ExampleRequest, line, person, removedCard } from './example-cards.ts'
import { ana, ben, olga } from './local-people.ts'
import { picture } from './picture.ts'
import { createScriptedDesk, type ScriptedDesk } from './scripted-desk.ts'
import {
  exampleRecord,
  exampleTarget,
  type Replica,
  type StartedLocalChat,
  startLocalChat,
} from './start-local-chat.ts'

const MINUTE = 60_000
let started: StartedLocalChat
let replica: Replica
let desk: ScriptedDesk
let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
  started = await startLocalChat((clock) => {
    desk = createScriptedDesk(clock)
    return desk
  })
  replica = await started.startReplica()
  desk.join(replica.local.chat)
  await fillYesterday()
})

afterAll(async () => {
  await browser?.close()
  await started?.stop()
})

test('the whole story fits on one wide page, in light and in dark', async () => {
  const page = await open({ viewport: { width: 1440, height: 900 } })
  await picture(page, 'first-sight')
  await send(page, '/access prod-db 2h fix ledger rounding, INC-42')
  await page.getByText('Ana Silva asks for prod-db:read').first().waitFor()
  await picture(page, 'asked')
  await started.clock.advance(41_000)
  await page.keyboard.press('Alt+2')
  await page.getByRole('button', { name: 'Approve', exact: true }).click()
  await page.locator('.whisper').getByText('Your signature is on the record').waitFor()
  await page.keyboard.press('Alt+1')
  await page.getByRole('button', { name: 'Show how to connect' }).click()
  await page.getByText('How to connect to prod-db').first().waitFor()
  started.panes.target = exampleTarget(started.clock.now() + 120 * MINUTE, 1)
  await started.clock.advance(12_000)
  started.panes.record = exampleRecord(started.clock.now())
  await started.clock.advance(1000)
  await page.getByText('1 live session').waitFor()
  await page.getByRole('button', { name: /4 lines/ }).click()
  await page.getByRole('heading', { name: 'Thread' }).waitFor()
  await picture(page, 'guide-and-thread')
  await page.getByRole('button', { name: 'Close the guide' }).click()
  await page.getByRole('button', { name: 'Dismiss' }).first().click()
  await picture(page, 'story-light')
  expect(await overflow(page)).toBe(0)
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'story-dark')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.getByRole('button', { name: 'Ask with a form' }).click()
  await page.getByRole('dialog').waitFor()
  await picture(page, 'form-light')
  await page.emulateMedia({ colorScheme: 'dark' })
  await picture(page, 'form-dark')
  await page.keyboard.press('Escape')
  await page.keyboard.press('Escape')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.locator('#composer-input').fill('/access ')
  await page.locator('#composer-input').focus()
  await page.getByRole('option').first().waitFor()
  await picture(page, 'completion')
  await page.context().close()
})

test('it can be read and used on a phone, without scrolling sideways', async () => {
  const page = await open({ viewport: { width: 375, height: 780 }, hasTouch: true, isMobile: true })
  await page.getByText('Ana Silva holds prod-db:read').first().waitFor()
  await picture(page, 'phone-chat')
  expect(await overflow(page)).toBe(0)
  await page.getByRole('button', { name: /4 lines/ }).click()
  await picture(page, 'phone-thread')
  expect(await overflow(page)).toBe(0)
  await page.getByRole('button', { name: 'Close the thread' }).click()
  await page.getByRole('button', { name: /Now in prod-db/ }).click()
  await page.getByText('1 live session').waitFor()
  await picture(page, 'phone-target')
  expect(await overflow(page)).toBe(0)
  await page.getByRole('button', { name: 'The record' }).click()
  await page.getByText('was refused: nobody signs').waitFor()
  await picture(page, 'phone-record')
  expect(await overflow(page)).toBe(0)
  await page.getByRole('button', { name: 'Chat', exact: true }).click()
  await page.getByRole('button', { name: 'Ask with a form' }).click()
  await page.getByRole('dialog').waitFor()
  await picture(page, 'phone-form')
  expect(await overflow(page)).toBe(0)
  await page.context().close()
})

async function open(options: BrowserContextOptions): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Europe/Lisbon', ...options })
  const page = await context.newPage()
  await page.goto(replica.url)
  await page.locator('[data-ref]').first().waitFor()
  return page
}

async function send(page: Page, words: string): Promise<void> {
  await page.locator('#composer-input').fill(words)
  await page.keyboard.press('Enter')
}

/** How many pixels wider than its window the page is. */
async function overflow(page: Page): Promise<number> {
  return page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

async function fillYesterday(): Promise<void> {
  const { chat } = replica.local
  const now = started.clock.now()
  const yesterday: ExampleRequest = {
    id: 'R-2M8VC',
    requester: ana,
    entitlement: 'prod-db:read',
    duration: '30m',
    reason: 'why is payout 8813 twice in the ledger? INC-39',
    approvers: [],
  }
  const to = { kind: 'channel', channel: '#access' } as const
  const root = await chat.post(to, 'y1', removedCard(yesterday, olga.name, now - 10 * MINUTE))
  const told = { kind: 'thread', root } as const
  await chat.post(told, 'y1 1', line('done', person('olga', olga.name), ' approved it as owner of prod-db.'))
  await chat.post(told, 'y1 2', line('active', 'Access exists.'))
  await chat.post(told, 'y1 3', line('done', 'Removed, seen to be gone.'))
  await chat.post({ kind: 'person', account: ana.account }, 'y2', removedCard(yesterday, olga.name, now))
  const denied = { ...yesterday, id: 'R-5C1QP', requester: ben, entitlement: 'prod-db:write', reason: 'quick look' }
  await chat.post(to, 'y3', deniedCard(denied, olga.name, 'A look needs prod-db:read. Ask for that.'))
  started.panes.record = exampleRecord(now)
  await started.clock.advance(11 * MINUTE)
}

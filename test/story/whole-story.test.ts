import { mkdirSync } from 'node:fs'
import path from 'node:path'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { type House, openHouse, type Replica } from '../support/house.ts'

/*
 * What a new user does in the first minute, in a real browser, against a real process and a real
 * target: ask as Ana, approve as Marcus, connect with the password that is shown, watch it end.
 */
let house: House
let replica: Replica
let browser: Browser
let context: BrowserContext
let page: Page

beforeAll(async () => {
  house = await openHouse()
  replica = await house.startReplica()
  browser = await launchBrowser()
  context = await browser.newContext({ viewport: { width: 1440, height: 900 } })
  page = await context.newPage()
  page.setDefaultTimeout(60_000)
})
afterAll(async () => {
  await browser.close()
  await house.close()
})

it('asks, approves as somebody else, connects with a real login, and watches it end and be seen gone', async () => {
  await page.goto(replica.url)
  await page.getByText('Nobody has access.').first().waitFor()
  // What the guide proposes comes from the policy in force.
  await page.getByText('Write /access prod-db 2m').first().waitFor()
  await page.getByRole('combobox').or(page.getByRole('textbox')).first().fill('/access prod-db 20s fix the ledger')
  await page.keyboard.press('Enter')
  await page.getByText('Ana asks for prod-db:read').first().waitFor()

  await actAs('Marcus')
  await page.getByRole('button', { name: 'Approve', exact: true }).first().click()
  await page.getByText('Ana has prod-db:read').first().waitFor()
  await keep('active')

  await actAs('Ana')
  await page.getByRole('button', { name: 'Show how to connect' }).first().click()
  const opened = context.waitForEvent('page')
  await page.getByRole('link', { name: 'show how to connect' }).first().click()
  const reveal = await opened
  await reveal.getByRole('button').first().click()
  const login = await readLogin(reveal)

  const sql = postgres({ ...login, max: 1, onnotice: () => undefined })
  expect(await sql`select count(*)::int as payments from payments`).toMatchObject([{ payments: expect.any(Number) }])
  await expect(sql`update payments set status = 'settled'`).rejects.toMatchObject({ code: '42501' })
  await page.getByText('1 live session').first().waitFor()

  await page.getByText('Nobody has access.').first().waitFor()
  await page.getByText('Ana had prod-db:read').first().waitFor()
  await page.getByText('looked, and it was gone at').first().waitFor()
  await keep('removed')
  // The open session was ended, and the login that worked is refused.
  await expect(sql`select 1`).rejects.toThrow()
  await sql.end({ timeout: 1 })
  const again = postgres({ ...login, max: 1, onnotice: () => undefined })
  await expect(again`select 1`).rejects.toMatchObject({ code: '28P01' })
  await again.end({ timeout: 1 })
  expect(await house.targetDb`select from pg_roles where rolname like 'jit\\_%'`).toHaveLength(0)
})

async function actAs(name: string): Promise<void> {
  await page
    .getByRole('navigation')
    .getByText(name, { exact: true })
    .or(page.getByText(name, { exact: true }))
    .first()
    .click()
}

/** The fields of the reveal page, as somebody would copy them. */
async function readLogin(
  reveal: Page,
): Promise<{ host: string; port: number; database: string; user: string; password: string }> {
  await reveal.getByText('How to connect').first().waitFor()
  await reveal.getByText('Show', { exact: false }).first().click()
  const text = await reveal.locator('body').innerText()
  const field = (label: string) => {
    const value = new RegExp(`${label}\\s+(\\S+)`, 'i').exec(text)?.[1]
    if (value === undefined) throw new Error(`no ${label} on the page:\n${text}`)
    return value
  }
  return {
    host: field('Host'),
    port: Number(field('Port')),
    database: field('Database'),
    user: field('User'),
    password: await reveal.locator('details code').first().innerText(),
  }
}

/** Pictures are kept when PICTURES names a folder: for the README, and to look at. */
async function keep(name: string): Promise<void> {
  const folder = process.env.PICTURES
  if (folder === undefined) return
  mkdirSync(folder, { recursive: true })
  await page.screenshot({ path: path.join(folder, `${name}.png`) })
}

/** A decision that binds a person: real processes, real PostgreSQL, a real browser with a virtual authenticator. */
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDevice, type Device } from '../support/authenticator.ts'
import { launchBrowser } from '../support/browser.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'
import { passkeyPolicy } from '../support/passkey-policy.ts'

let house: House
let replica: Replica
let browser: Browser
let marcus: Device

beforeAll(async () => {
  house = await openHouse({ policy: await passkeyPolicy() })
  replica = await house.startReplica()
  browser = await launchBrowser()
  marcus = await createDevice(browser)
})
afterAll(async () => {
  await browser.close()
  await house.close()
})

const words = (answer: unknown) => JSON.stringify(answer)

function linkIn(answer: unknown): string {
  const url = /http:[^"]+\/passkey\/[\w-]+/.exec(words(answer))?.[0]
  if (url === undefined) throw new Error(`no link in ${words(answer)}`)
  return url
}

async function statusOf(id: string): Promise<string> {
  const [row] = await house.db<{ status: string }[]>`select status from grant_state where id = ${id}`
  return row?.status ?? ''
}

async function ask(what = 'prod-db 2m fix the ledger'): Promise<string> {
  return idOn(await replica.command('ana', what))
}

test('without a passkey a click decides nothing, and says how to get one', async () => {
  const id = await ask()
  const answer = words(await replica.press('marcus', 'approve', id))
  expect(answer).toContain('has no passkey here')
  expect(await statusOf(id)).toBe('pending')
  await replica.command('ana', `cancel ${id}`)
})

test('a passkey counts once a second person has confirmed it, and then signs one decision', async () => {
  const made = await marcus.follow(linkIn(await replica.command('marcus', 'passkey new')))
  expect(made).toContain('It counts as soon as')
  const id = await ask()
  expect(words(await replica.press('marcus', 'approve', id))).toContain('counts as soon as')
  const confirm = (who: string) => replica.press(who, 'confirm-passkey', 'marcus')
  expect(words(await confirm('marcus'))).toContain('Nobody confirms their own passkey')
  expect(words(await confirm('ana'))).toContain('Only the manager of its owner and compliance')
  expect(words(await confirm('carla'))).toContain('Confirmed')
  expect(words(await confirm('olga'))).toContain('No such passkey waits')

  const link = linkIn(await replica.press('marcus', 'approve', id))
  expect(await statusOf(id)).toBe('pending')
  expect(await marcus.follow(link)).toContain('Approved.')
  await until('it is active', async () => (await statusOf(id)) === 'active')
})

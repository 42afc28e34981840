import type { Browser, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { launchBrowser } from '../support/browser.ts'
import { line, waitingCard } from './example-cards.ts'
import { createScriptedDesk, type ScriptedDesk } from './scripted-desk.ts'
import { exampleTarget, type Replica, type StartedLocalChat, startLocalChat } from './start-local-chat.ts'

const ASK = '/access prod-db 2h fix ledger INC-42'

let browser: Browser
let started: StartedLocalChat
let replica: Replica
let desk: ScriptedDesk
let page: Page
/** What the page asked of anything but its own server, and what its own policy stopped. */
let strays: string[] = []

beforeAll(async () => {
  browser = await launchBrowser()
})

afterAll(() => browser?.close())

beforeEach(async () => {
  started = await startLocalChat((clock) => {
    desk = createScriptedDesk(clock)
    return desk
  })
  replica = await started.startReplica()
  desk.join(replica.local.chat)
  strays = []
  page = await openPage()
})

afterEach(async () => {
  for (const context of browser.contexts()) await context.close()
  await started.stop()
  expect(strays).toEqual([])
  expect(started.faults).toEqual([])
})

test('a slash offers the command, then its words, then says what else is expected', async () => {
  const box = composer()
  await box.pressSequentially('/a')
  expect(await options()).toEqual(['/access'])
  await page.keyboard.press('Enter')
  expect(await box.inputValue()).toBe('/access ')
  expect(await options()).toContain('prod-db:write')
  await box.pressSequentially('prod-d')
  expect(await options()).toEqual(['prod-db', 'prod-db:write'])
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Tab')
  expect(await box.inputValue()).toBe('/access prod-db:write ')
  expect(await options()).toEqual(['15m', '30m', '1h', '2h'])
  await box.pressSequentially('2h ')
  expect(await options()).toEqual([])
  expect(await page.locator('#composer-hint').innerText()).toContain('why you need it')
  await page.keyboard.press('Escape')
  await box.pressSequentially('fix ledger INC-42')
  await page.keyboard.press('Enter')
  await page.getByText('Ana Silva asks for prod-db:write').first().waitFor()
  expect(desk.acts).toMatchObject([{ kind: 'command', text: 'prod-db:write 2h fix ledger INC-42', channel: '#access' }])
})

test('words that are no command are refused in place, and are not lost', async () => {
  await say('could I have prod-db please')
  expect(await page.locator('#composer-hint').innerText()).toContain('Only Countersign is listening')
  expect(await composer().inputValue()).toBe('could I have prod-db please')
  await say('/acess prod-db')
  expect(await page.locator('#composer-hint').innerText()).toContain('/acess is not a command here')
  expect(desk.acts).toEqual([])
})

test('an answer is seen by its person alone, and goes when dismissed', async () => {
  const other = await openPage()
  await say(ASK)
  const answer = page.locator('.whisper').getByText('have been told')
  await answer.waitFor()
  await other.getByText('Ana Silva asks for prod-db:read').first().waitFor()
  expect(await other.locator('.whisper').count()).toBe(0)
  await actAs('Ben')
  expect(await page.locator('.whisper').count()).toBe(0)
  await actAs('Ana')
  await answer.waitFor()
  await page.getByRole('button', { name: 'Dismiss' }).click()
  expect(await page.locator('.whisper').count()).toBe(0)
})

test('a refusal is said with its reason and changes nothing', async () => {
  await say(ASK)
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.locator('.whisper').getByText('Nobody signs for themselves').waitFor()
  expect(await stamp()).toBe('waiting')
})

test('a card changes in place for everybody when somebody else signs, and its thread tells it', async () => {
  const other = await openPage()
  await say(ASK)
  await actAs('Ben')
  await page.getByRole('button', { name: 'Approve' }).click()
  for (const reader of [page, other]) {
    await reader.getByText('Ana Silva holds prod-db:read').first().waitFor()
    expect(await reader.locator('#messages .message').count()).toBe(1)
    await reader.getByRole('button', { name: /^4 lines/ }).waitFor()
  }
  expect(desk.acts.at(-1)).toMatchObject({ kind: 'press', action: 'approve', by: 'u-ben' })
})

test('a thread opens beside the channel, follows what is said, and Esc closes it and gives the focus back', async () => {
  await say(ASK)
  const summary = page.getByRole('button', { name: /^1 line/ })
  await summary.click()
  const lines = page.locator('#thread-lines .line')
  await lines.getByText('Waiting for a signature').waitFor()
  const [id = ''] = desk.stories.keys()
  await desk.end(id)
  await lines.getByText('seen to be gone').waitFor()
  expect(await lines.count()).toBe(3)
  expect(await page.locator('#thread-root .stamp').textContent()).toBe('removed')
  await page.keyboard.press('Escape')
  expect(await page.locator('#thread').isHidden()).toBe(true)
  expect(await page.evaluate('document.activeElement.className')).toContain('summary')
})

test('the form is a dialog: what is missing is asked for, a refusal keeps what was written, Esc closes it', async () => {
  await page.getByRole('button', { name: 'Ask with a form' }).click()
  const dialog = page.getByRole('dialog', { name: 'Ask for access' })
  await dialog.waitFor()
  await dialog.getByRole('button', { name: 'Ask', exact: true }).click()
  expect(await dialog.isVisible()).toBe(true)
  await dialog.getByLabel('What do you need?').selectOption('prod-db:write')
  await dialog.getByLabel('For how long?').fill('6h')
  await dialog.getByLabel('Why?').fill('fix ledger INC-42')
  await dialog.getByRole('button', { name: 'Ask', exact: true }).click()
  await dialog.getByRole('alert').getByText('limited to 2 h').waitFor()
  expect(await dialog.getByLabel('Why?').inputValue()).toBe('fix ledger INC-42')
  await dialog.getByLabel('For how long?').fill('2h')
  await dialog.getByRole('button', { name: 'Ask', exact: true }).click()
  await page.locator('.whisper').getByText('have been told').waitFor()
  expect(await dialog.isVisible()).toBe(false)
  const submitted = desk.acts.filter(({ kind }) => kind === 'submit')
  expect(submitted).toMatchObject([
    { form: 'ask', values: { duration: '6h' } },
    { values: { target: 'prod-db:write', duration: '2h', reason: 'fix ledger INC-42' } },
  ])
  expect(new Set(submitted.map(({ key }) => key)).size).toBe(2)
  await page.getByRole('button', { name: 'Ask with a form' }).click()
  await dialog.waitFor()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'hidden' })
})

test('a form that was sent is answered, also to somebody who closed it meanwhile', async () => {
  const gate = Promise.withResolvers<void>()
  await page.route('**/local/submit', async (route) => {
    await gate.promise
    await route.continue()
  })
  await page.getByRole('button', { name: 'Ask with a form' }).click()
  await page.getByLabel('Why?').fill('fix ledger INC-42')
  await page.getByRole('button', { name: 'Ask', exact: true }).click()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  gate.resolve()
  await page.locator('.whisper').getByText('have been told').waitFor()
})

test('the form of a button carries its request back', async () => {
  await say(ASK)
  await actAs('Ben')
  await page.getByRole('button', { name: 'Deny' }).click()
  const dialog = page.getByRole('dialog', { name: 'Deny this request' })
  await dialog.getByLabel('Why not?').fill('use the replica')
  await dialog.getByRole('button', { name: 'Deny' }).click()
  await page.locator('.whisper').getByText('Ana has been told why').waitFor()
  await page.getByText('use the replica').first().waitFor()
  expect(await stamp()).toBe('denied')
})

test('the one who may sign sees that something waits, and signs in the direct messages', async () => {
  await say(ASK)
  const ben = page.getByRole('radio', { name: /^Ben/ })
  await ben.locator('.count').waitFor()
  expect(await ben.locator('.count').innerText()).toMatch(/^1/)
  await ben.click()
  await page.locator('#directs .place').click()
  await ben.locator('.count').waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.locator('.whisper').getByText('Your signature is on the record').waitFor()
  expect(await stamp()).toBe('active')
})

test('the whole story can be told by keyboard alone', async () => {
  await page.keyboard.press('/')
  await page.keyboard.type('access prod-db 2h fix ledger INC-42')
  await page.keyboard.press('Enter')
  await page.getByText('Ana Silva asks for prod-db:read').first().waitFor()
  await page.keyboard.press('Alt+Digit2')
  await focusByTab('button:text-is("Approve")', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.locator('.whisper').getByText('Your signature is on the record').waitFor()
  await page.keyboard.press('Alt+Digit1')
  await focusByTab('.summary', 'Shift+Tab')
  await page.keyboard.press('Enter')
  await page.locator('#thread').waitFor()
  await page.keyboard.press('Escape')
  await focusByTab('button:text-is("Show how to connect")', 'Shift+Tab')
  expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid')
  await page.keyboard.press('Enter')
  const link = page.getByRole('link', { name: 'show my password' })
  await link.waitFor()
  expect(await link.getAttribute('rel')).toContain('noopener')
  expect(await link.getAttribute('target')).toBe('_blank')
  await focusByTab('[role=radio][aria-checked=true]', 'Shift+Tab')
  await page.keyboard.press('ArrowDown')
  expect(await page.getByRole('radio', { checked: true }).innerText()).toContain('Ben')
})

test('what is new is announced to those who do not see it', async () => {
  await say(ASK)
  await page.locator('#announcer').getByText('Ana Silva asks for prod-db:read').waitFor({ state: 'attached' })
  await page.locator('#announcer').getByText('have been told').waitFor({ state: 'attached' })
})

test('with the server away the page says so, and comes back by itself with what was missed', async () => {
  await replica.stop()
  await page.getByText('Countersign cannot be reached').waitFor()
  const next = await started.startReplica(replica.port)
  desk.join(next.local.chat)
  await desk.command(
    { key: 'elsewhere', account: { platform: 'local', tenant: 'local', id: 'u-ana' } },
    'prod-db 2h x',
    null,
  )
  await page.getByText('Ana Silva asks for prod-db:read').first().waitFor()
  expect(await page.getByText('Countersign cannot be reached').isVisible()).toBe(false)
})

test('an act that was not answered is sent again under its own key, also to the next process', async () => {
  await page.getByRole('button', { name: 'Ask with a form' }).waitFor()
  await page.route('**/local/command', async (route) => {
    await route.fetch()
    await route.abort('connectionreset')
  })
  await say(ASK)
  const fault = page.locator('.whisper .fault')
  await fault.getByText('may not be recorded').waitFor()
  await page.unroute('**/local/command')
  await replica.stop()
  const next = await started.startReplica(replica.port)
  desk.join(next.local.chat)
  await fault.getByRole('button', { name: 'Try again' }).click()
  await page.locator('.whisper').getByText('have been told').waitFor()
  expect(desk.acts).toHaveLength(2)
  expect(desk.acts[1]?.key).toBe(desk.acts[0]?.key)
  expect(desk.acts[0]?.key).toMatch(/^local:[0-9a-f-]{36}$/)
  expect(await page.locator('#messages .message').count()).toBe(1)
})

test('a button pressed twice in a row is one act', async () => {
  await say(ASK)
  await actAs('Ben')
  const gate = Promise.withResolvers<void>()
  await page.route('**/local/press', async (route) => {
    await gate.promise
    await route.continue()
  })
  const approve = page.getByRole('button', { name: 'Approve' })
  await approve.click()
  await approve.click({ force: true })
  gate.resolve()
  await page.locator('.whisper').getByText('Your signature is on the record').waitFor()
  expect(desk.acts.filter(({ action }) => action === 'approve')).toHaveLength(1)
})

test('a press is not lost when what is pressed is drawn anew meanwhile', async () => {
  await say(ASK)
  await actAs('Ben')
  const approve = page.getByRole('button', { name: 'Approve' })
  await approve.hover()
  await page.mouse.down()
  const [story] = desk.stories.values()
  if (story) await replica.local.chat.update(story.root, { ...waitingCard(story.request, 0), title: 'Asked again' })
  const { chat } = replica.local
  await chat.post({ kind: 'channel', channel: '#access' }, 'after', line('info', 'The update has arrived'))
  await page.locator('#announcer').getByText('The update has arrived').waitFor({ state: 'attached' })
  await page.mouse.up()
  await page.locator('.whisper').getByText('Your signature is on the record').waitFor()
})

test('the end is counted down by the server’s clock, not by the reader’s', async () => {
  started.panes.target = exampleTarget(started.clock.now() + 92_000, 1)
  await started.clock.advance(1000)
  const left = await page.locator('.account .countdown').innerText()
  expect(left).toMatch(/^1:(32|31|30|2\d)$/)
})

test('the target pane says when nobody has access, and when it cannot know', async () => {
  await page.getByText('Nobody has access.').waitFor()
  started.panes.target = new Error('connection refused')
  await started.clock.advance(1000)
  await page.getByText('The target cannot be asked right now').waitFor()
  expect(await page.getByText('Nobody has access.').count()).toBe(0)
  started.faults.length = 0
})

test('the guide goes on by itself with the story, offers the next step, and can be put away', async () => {
  const now = page.locator('.steps .now')
  expect(await now.innerText()).toBe('Ask as Ana')
  await page.getByRole('button', { name: 'Put it there for me' }).click()
  await page.keyboard.press('Enter')
  await page.locator('.steps .now', { hasText: 'Approve as Ben' }).waitFor()
  await page.getByRole('button', { name: 'Act as Ben' }).click()
  await page.getByRole('button', { name: 'Approve' }).click()
  await page.locator('.steps .now', { hasText: 'Connect' }).waitFor()
  await page.getByRole('button', { name: 'Act as Ana' }).click()
  await page.getByRole('button', { name: 'Show how to connect' }).click()
  await page.locator('.steps .now', { hasText: 'Watch it end' }).waitFor()
  await page.getByRole('button', { name: 'I’m done' }).click()
  await page.getByText('The record says the same').waitFor()
  await page.getByRole('button', { name: 'Close the guide' }).click()
  await page.reload()
  await page.getByText('Ana Silva held prod-db:read').first().waitFor()
  expect(await page.locator('#guide').isVisible()).toBe(false)
  await page.getByRole('button', { name: 'What am I seeing?' }).click()
  expect(await page.locator('#guide').isVisible()).toBe(true)
})

async function openPage(): Promise<Page> {
  const context = await browser.newContext({ locale: 'en-GB', timezoneId: 'Asia/Kathmandu' })
  const opened = await context.newPage()
  opened.setDefaultTimeout(60_000)
  opened.on('request', (request) => {
    if (!request.url().startsWith(replica.url)) strays.push(request.url())
  })
  opened.on('pageerror', (error) => strays.push(String(error)))
  opened.on('console', (message) => {
    if (message.type() === 'error' && !/Failed to load resource|ERR_/.test(message.text())) strays.push(message.text())
  })
  await opened.goto(replica.url)
  await opened.getByRole('radio', { name: /^Ana/ }).waitFor()
  return opened
}

function composer() {
  return page.getByRole('combobox', { name: 'Message' })
}

async function say(words: string): Promise<void> {
  await composer().fill(words)
  await page.keyboard.press('Enter')
}

async function actAs(name: string): Promise<void> {
  await page.getByRole('radio', { name: new RegExp(`^${name}`) }).click()
}

async function stamp(): Promise<string | null> {
  return page.locator('#messages .message .stamp').last().textContent()
}

/** The words that completion offers; none while it is hidden. */
async function options(): Promise<string[]> {
  await page.waitForFunction("fetch('/local/completion').then(() => true)")
  return (await page.locator('#completions:not([hidden]) [role=option] code').allInnerTexts()) as string[]
}

async function focusByTab(selector: string, key: 'Tab' | 'Shift+Tab'): Promise<void> {
  const wanted = page.locator(`${selector}:focus`)
  for (let step = 0; step < 40; step++) {
    if ((await wanted.count()) > 0) return
    await page.keyboard.press(key)
  }
  throw new Error(`${key} does not reach ${selector}`)
}

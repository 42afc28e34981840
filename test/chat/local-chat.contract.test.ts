import type { Page } from 'playwright-core'
import type { MessageRef } from '../../src/ports/chat.ts'
import { launchBrowser } from '../support/browser.ts'
import { type ChatUnderTest, describeChat, type ReadMessage } from './contract.ts'
import { ben } from './local-people.ts'
import { createScriptedDesk } from './scripted-desk.ts'
import { startLocalChat } from './start-local-chat.ts'

describeChat('the local page', openLocalChat)

/** Read with a real browser: what stands on the page is what counts. */
async function openLocalChat(): Promise<ChatUnderTest> {
  const started = await startLocalChat(createScriptedDesk)
  const replica = await started.startReplica()
  const browser = await launchBrowser()
  const page = await browser.newPage()
  page.setDefaultTimeout(60_000)
  await page.goto(replica.url)
  return {
    chat: replica.local.chat,
    channel: '#access',
    person: ben.account,
    nobody: { ...ben.account, id: 'u-nobody' },
    read: (ref) => read(page, ref),
    async count(words) {
      await page.locator('#channels .place').first().click()
      const found = page.locator('#messages').getByText(words)
      await found.first().waitFor()
      return found.count()
    },
    async stop() {
      await browser.close()
      await started.stop()
    },
  }
}

async function read(page: Page, ref: MessageRef): Promise<ReadMessage | null> {
  await page.getByRole('radio', { name: ref.channel === '@u-ben' ? /^Ben/ : /^Ana/ }).click()
  await page
    .locator(ref.channel.startsWith('#') ? '#channels .place' : '#directs .place')
    .first()
    .click()
  // A root carries its reference in the channel; a reply is announced by the summary of its thread.
  const root = page.locator(`#messages [data-ref="${ref.id}"]`)
  const inThread = page.locator(`#thread-lines [data-ref="${ref.id}"]`)
  await root.or(page.locator('#messages .message:last-child .summary')).first().waitFor()
  const isRoot = (await root.count()) > 0
  if (!isRoot) await page.locator('#messages .message:last-child .summary').click()
  const message = isRoot ? root : inThread
  await message.waitFor()
  return {
    words: await message.evaluate((element: { innerText: string }) => element.innerText),
    interpreted: await message
      .locator('.typed *:not(bdi):not(.unseen)')
      .evaluateAll((all) => all.map((one) => one.tagName)),
    root: isRoot ? null : await page.locator('#messages .message:last-child').getAttribute('data-ref'),
  }
}

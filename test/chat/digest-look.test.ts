import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Card } from '../../src/ports/chat.ts'
import { checkpointMessages, NOTE } from '../cards/checkpoint-story.ts'
import { digestMessages } from '../cards/digest-story.ts'
import { launchBrowser } from '../support/browser.ts'
import { picture } from './picture.ts'
import { createScriptedDesk } from './scripted-desk.ts'
import { type StartedLocalChat, startLocalChat } from './start-local-chat.ts'

let browser: Browser
let started: StartedLocalChat
beforeAll(async () => {
  browser = await launchBrowser()
  started = await startLocalChat(createScriptedDesk)
})
afterAll(async () => {
  await browser?.close()
  await started?.stop()
})

it.each(['light', 'dark'] as const)(
  'the local page draws the chart of a digest in %s, with its words, and a note line by line',
  async (colorScheme) => {
    const replica = await started.startReplica()
    const card = digestMessages()[0]?.message as Card
    await replica.local.chat.post({ kind: 'channel', channel: '#access' }, 'the digest', card)
    const page = await browser.newPage({ viewport: { width: 1_100, height: 900 }, colorScheme })
    await page.goto(replica.url)
    const chart = page.getByRole('img', { name: /Asked and given by day: Mon 16 12 and 10/ })
    await chart.waitFor()
    await expect.poll(() => page.evaluate("document.querySelector('img.chart').naturalWidth")).toBe(640)
    await picture(page, `digest-local-${colorScheme}`)
    for (const { key, message } of checkpointMessages()) {
      await replica.local.chat.post({ kind: 'channel', channel: '#access' }, key, message)
    }
    const notes = page.locator('pre.verbatim')
    await expect.poll(() => notes.allInnerTexts()).toEqual([NOTE, NOTE, NOTE].map((note) => note.trimEnd()))
    await notes.last().scrollIntoViewIfNeeded()
    await picture(page, `checkpoint-local-${colorScheme}`)
    await page.close()
  },
)

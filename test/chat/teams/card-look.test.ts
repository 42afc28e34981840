import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { launchBrowser } from '../../support/browser.ts'
import { picture } from '../picture.ts'
import { faultOfCard } from './card-rules.ts'
import { everyCard, TYPED } from './every-card.ts'
import { hostConfig } from './host-config.ts'

/*
 * Every card that the house makes, drawn by Microsoft's own renderer in a browser: it takes each without a word of
 * complaint, nothing that was typed becomes more than words, and nothing is wider than a phone.
 */
const RENDERER = createRequire(import.meta.url).resolve('adaptivecards/dist/adaptivecards.js')
const WIDTHS = { desktop: 640, phone: 320 }
let browser: Browser

beforeAll(async () => {
  browser = await launchBrowser()
})
afterAll(() => browser?.close())

it('every card keeps to the schema of 1.5 and to the size that Teams takes', () => {
  const cards = everyCard()
  expect(cards.length).toBeGreaterThan(40)
  for (const [name, card] of cards) expect([name, faultOfCard(card)]).toEqual([name, null])
})

it.each([
  ['light', 'desktop'],
  ['dark', 'desktop'],
  ['light', 'phone'],
] as const)('every card can be read in %s, %s wide', async (theme, width) => {
  const page = await browser.newPage({
    viewport: { width: WIDTHS[width] + 32, height: 800 },
    locale: 'en-GB',
    timezoneId: 'Europe/Lisbon',
  })
  await page.setContent(
    `<body style="margin:16px;font:14px sans-serif;background:${theme === 'light' ? '#f5f5f5' : '#1f1f1f'}"></body>`,
  )
  await page.addScriptTag({ content: readFileSync(RENDERER, 'utf8') })
  await page.addStyleTag({ content: BUTTONS })
  const cards = everyCard()
  const drawn = await draw(
    page,
    cards.map(([, card]) => card),
    theme,
  )
  for (const [index, [name, card]] of cards.entries()) {
    const seen = drawn[index]
    expect([name, seen?.complaints]).toEqual([name, []])
    expect([name, seen?.markup]).toEqual([name, []])
    expect([name, seen?.overflow]).toEqual([name, 0])
    if (JSON.stringify(card).includes('evil.example'))
      expect([name, seen?.words]).toEqual([name, expect.stringContaining(TYPED)])
  }
  const height = await page.evaluate<number>('document.documentElement.scrollHeight')
  await page.setViewportSize({ width: WIDTHS[width] + 32, height })
  await picture(page, `teams-cards-${theme}-${width}`)
  await page.close()
})

interface Drawn {
  readonly complaints: string[]
  /** Elements that only markup in what was typed could have made. */
  readonly markup: string[]
  /** How many pixels wider than its place the card is. */
  readonly overflow: number
  readonly words: string
}

/** Draws one card below the other. */
async function draw(page: Page, cards: readonly object[], theme: 'light' | 'dark'): Promise<Drawn[]> {
  const script = `${JSON.stringify(cards)}.map((card) => {
    const { AdaptiveCard, HostConfig, SerializationContext, Versions } = window.AdaptiveCards
    const drawn = new AdaptiveCard()
    drawn.hostConfig = new HostConfig(${JSON.stringify(hostConfig(theme))})
    const reading = new SerializationContext(Versions.v1_5)
    drawn.parse(card, reading)
    const complaints = [...Array(reading.eventCount).keys()].map((at) => reading.getEventAt(at).message)
    complaints.push(...drawn.validateProperties().validationEvents.map((event) => event.message))
    const place = document.createElement('div')
    place.style.cssText = 'margin-bottom:16px;border-radius:6px;overflow-x:auto;border:1px solid #8888;'
    document.body.append(place)
    const element = drawn.render()
    place.append(element)
    const words = [...element.querySelectorAll('.ac-richTextBlock')].map((one) => one.innerText).join('\\n')
    const inputs = [...element.querySelectorAll('input, textarea')].map((one) => one.value).join('\\n')
    return {
      complaints,
      markup: [...element.querySelectorAll('b, strong, em, code, at, a:not([role=button])')].map((one) => one.outerHTML),
      overflow: place.scrollWidth - place.clientWidth,
      words: words + inputs,
    }
  })`
  return page.evaluate<Drawn[]>(script)
}

/** The renderer leaves buttons and fields to the host: as Teams has them. */
const BUTTONS = `
  .ac-pushButton { font: 600 14px sans-serif; padding: 5px 12px; border-radius: 4px; border: 1px solid #d1d1d1; background: #fff; color: #242424; cursor: pointer }
  .ac-pushButton.style-positive { background: #5b5fc7; border-color: #5b5fc7; color: #fff }
  .ac-pushButton.style-destructive { background: #fff; border-color: #c4314b; color: #c4314b }
  .ac-actionSet { flex-wrap: wrap; row-gap: 8px }
  .ac-input { width: 100%; box-sizing: border-box; font: 14px sans-serif; padding: 6px; border: 1px solid #d1d1d1; border-radius: 4px }
`

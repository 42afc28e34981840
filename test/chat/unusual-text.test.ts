import { describe, expect, it } from 'vitest'
import { announceGrant } from '../../src/cards/announcements.ts'
import { renderMessage } from '../../src/chat/slack/render-message.ts'
import { renderShared } from '../../src/chat/teams/render-message.ts'
import { splitUnseen } from '../../src/chat/unseen.ts'
import { active, approved, askedFor, context, extensionAsked, ID, place } from '../cards/grant-story.ts'
import { line, typed } from './example-cards.ts'
import { faultOfBlocks } from './slack/block-rules.ts'
import { readNotification } from './slack/read-blocks.ts'
import { faultOfCard } from './teams/card-rules.ts'

const slack = { timeZone: 'Europe/Madrid', userOf: () => 'U1' }
/** As long as Teams makes them. */
const teams = { timeZone: 'Europe/Madrid', userIdOf: (id: string) => `29:${id.padEnd(90, 'x')}` }

describe('unusual text', () => {
  it.each([
    ['characters that are not seen', '\u200B'.repeat(1000), 1],
    ['every second character not seen', 'a\t'.repeat(500), 1],
    ['hundreds of approvers', 'fix INC-42', 600],
    ['both', '\u200B'.repeat(1000), 600],
  ])('%s fit into what Slack takes', (_, reason, count) => {
    for (const message of messagesOf(reason, count)) {
      expect(faultOfBlocks(renderMessage(message, slack).blocks)).toBeNull()
    }
  })

  it.each([
    ['hundreds of approvers', 'fix INC-42', 600],
    ['a long reason in another script', '日'.repeat(1000), 600],
  ])('%s fit into what Teams takes', (_, reason, count) => {
    for (const message of messagesOf(reason, count)) expect(faultOfCard(renderShared(message, teams).card)).toBeNull()
  })

  it('a reason that cannot be seen leaves the rest of its card standing', () => {
    const [card] = messagesOf('\u200B'.repeat(1000), 1)
    const said = JSON.stringify(card && renderMessage(card, slack).blocks)
    expect(said).toContain('cut here')
    expect(said).toContain('May decide')
  })

  it.each([0, 1, 2, 3, 4])('a notification is never cut inside an escape (%i before)', (before) => {
    const { text } = renderMessage(line('info', typed(`${'x'.repeat(before)}${'&'.repeat(1000)}`)), slack)
    expect(text.length).toBeLessThanOrEqual(3_000)
    expect(readNotification(text).words).toMatch(/&…$/)
    expect(text).toMatch(/&amp;…$/)
  })

  it.each(['👩🏽‍💻', '🧑🏿‍🤝‍🧑🏻', '🏳️‍🌈', '👨‍👩‍👧'])('%s stays one sign', async (emoji) => {
    const page = await import(new URL('../../src/chat/local/page/visible.js', import.meta.url).href)
    expect(splitUnseen(emoji)).toEqual([{ text: emoji, unseen: false }])
    expect(page.splitUnseen(emoji)).toEqual(splitUnseen(emoji))
  })
})

/** Asked, active, and asked for more: each message once. */
function messagesOf(reason: string, count: number) {
  const approvers = Array.from({ length: count }, (_, index) => ({ id: `p${index}`, as: ['owner'] }))
  const asked = askedFor({ reason, approvers })
  if (extensionAsked.type !== 'extension.asked') throw new Error('another fact')
  const more = { ...extensionAsked, data: { ...extensionAsked.data, reason, approvers } }
  const messages = [[asked], [asked, ...approved, ...active, more]].flatMap((facts) =>
    announceGrant(ID, place(facts), context).map(({ message }) => message),
  )
  // Every approver gets the same card.
  return [...new Map(messages.map((message) => [JSON.stringify(message), message])).values()]
}

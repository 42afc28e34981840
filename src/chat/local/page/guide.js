import { isCard } from './card.js'
import { recallGuideClosed, rememberGuideClosed } from './choices.js'
import { propose } from './composer.js'
import { byId, drawList, h } from './dom.js'
import { actAs, goTo } from './sidebar.js'
import { change, rootsIn, state, watch } from './state.js'

/**
 * @import { Card } from '../../../ports/chat.ts'
 * @import { Person } from './state.js'
 *
 * @typedef {{ title: string, words: string, offer: { label: string, act: () => void } | null }} Step
 */

let closed = recallGuideClosed()

/** Four hints that advance by themselves with what the chat shows, and that can be put away. */
export function startGuide() {
  const guide = byId('guide')
  const toggle = byId('guide-toggle')
  const steps = h('ol', { class: 'steps' })
  const words = h('p', { class: 'guide-words' })
  const lead = h('p', { class: 'guide-lead' }, 'A chat, some people and a real PostgreSQL target. You play everybody.')
  guide.append(
    lead,
    h('button', { type: 'button', class: 'quiet icon', 'aria-label': 'Close the guide', onclick: close }, '✕'),
    steps,
    words,
  )
  toggle.addEventListener('click', () => (closed ? open() : close()))
  watch(() => {
    guide.hidden = closed || !state.greeting
    toggle.setAttribute('aria-expanded', String(!guide.hidden))
    if (guide.hidden) return
    const { all, at } = stepsNow()
    lead.hidden = at > 0
    drawList(steps, all, {
      key: (step) => step.title.split(' ')[0] ?? '',
      stamp: (step) => `${step.title} ${all.indexOf(step) - at}`,
      draw: (step) => {
        const index = all.indexOf(step)
        const where = index < at ? 'done' : index === at ? 'now' : 'next'
        return h(
          'li',
          { class: where, 'data-number': index + 1, 'aria-current': where === 'now' ? 'step' : null },
          step.title,
        )
      },
    })
    const step = all[at]
    const said = step?.words ?? 'Removed, and seen to be gone. The record says the same, event by event.'
    const offer = step?.offer ?? null
    if (words.dataset.said === `${said} ${offer?.label}`) return
    words.dataset.said = `${said} ${offer?.label}`
    words.replaceChildren(said)
    if (offer) words.append(h('button', { type: 'button', class: 'plain', onclick: offer.act }, offer.label))
  })

  function open() {
    change(() => (closed = false))
    rememberGuideClosed(false)
  }

  function close() {
    change(() => (closed = true))
    rememberGuideClosed(true)
    toggle.focus()
  }
}

/** @returns {{ all: Step[], at: number }} `at` is past the end when the story is told */
function stepsNow() {
  const people = state.greeting?.people ?? []
  const asker = people[0]
  const { card, approver } = newestStory()
  const example = state.greeting?.example ?? ''
  return {
    at: stepOf(card),
    all: [
      {
        title: `Ask as ${firstName(asker)}`,
        words: `Write ${example} in the box below.`,
        offer: offerTo(asker, 'Put it there for me', () => propose(example)),
      },
      {
        title: approver ? `Approve as ${firstName(approver)}` : 'Approve as somebody else',
        words: 'Nobody signs for themselves: act as somebody whom the card names.',
        offer: offerTo(approver, `Act as ${firstName(approver)}`),
      },
      {
        title: 'Connect',
        words: `The access exists: see Now in ${state.target?.target ?? 'the target'}. As ${firstName(asker)}, press Show how to connect.`,
        offer: offerTo(asker, `Act as ${firstName(asker)}`),
      },
      {
        title: 'Watch it end',
        words: 'At the end, to the second, it is taken away and looked for. I’m done ends it now.',
        offer: null,
      },
    ],
  }
}

/**
 * @param {Person | null | undefined} person
 * @param {string} label
 * @param {() => void} [then]
 */
function offerTo(person, label, then) {
  if (!person || (person.id === state.me && !then)) return null
  return {
    label,
    act: () => {
      actAs(person)
      goTo(state.greeting?.channels[0] ?? state.place)
      then?.()
    },
  }
}

/** @param {Card | null} card */
function stepOf(card) {
  if (!card || card.tone === 'refused' || card.tone === 'info' || card.tone === 'alarm') return 0
  if (card.tone === 'waiting') return 1
  if (card.tone === 'done') return 4
  const used = state.connected || (state.target?.accounts ?? []).some((account) => account.liveSessions > 0)
  return used ? 3 : 2
}

/** The newest request in a channel, and one of those who were asked to sign it. */
function newestStory() {
  const greeting = state.greeting
  const cards = (greeting?.channels ?? [])
    .flatMap(rootsIn)
    .sort((a, b) => a.postedAt - b.postedAt)
    .map((message) => message.content)
    .filter(isCard)
  const card = cards.at(-1) ?? null
  const request = card?.buttons[0]?.request
  const approver = greeting?.people.find((person) =>
    rootsIn(person.direct).some(
      ({ content }) =>
        isCard(content) && content.buttons.some((button) => button.action === 'approve' && button.request === request),
    ),
  )
  return { card, approver: approver ?? null }
}

/** @param {Person | null | undefined} person */
function firstName(person) {
  return person?.name.split(' ')[0] ?? 'somebody else'
}

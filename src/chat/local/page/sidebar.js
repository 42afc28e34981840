import { recallPerson, rememberPerson, rememberSeen, unreadCount } from './choices.js'
import { announce, byId, drawList, h } from './dom.js'
import { change, me, state, watch } from './state.js'

/** @import { Person } from './state.js' */

/** Whom the reader acts as, and which conversation is shown. */
export function startSidebar() {
  document.addEventListener('keydown', (event) => {
    const number = event.altKey && !event.ctrlKey && !event.metaKey && /^Digit([1-9])$/.exec(event.code)?.[1]
    const person = number ? state.greeting?.people[Number(number) - 1] : null
    if (!person) return
    event.preventDefault()
    actAs(person)
  })
  byId('people').addEventListener('keydown', onArrow)
  document.addEventListener('visibilitychange', () => change(() => {}))
  watch(() => {
    choosePlace()
    rememberSeen()
    drawPeople()
    drawPlaces()
  })
}

/** @param {Person} person */
export function actAs(person) {
  if (person.id === state.me) return
  change(() => {
    const before = me()
    if (before && state.place === before.direct) state.place = person.direct
    state.me = person.id
    state.thread = state.place.startsWith('@') ? null : state.thread
    state.form = null
  })
  rememberPerson(person.id)
  announce(`You act as ${person.name}, ${person.title}`)
}

/** @param {string} channel */
export function goTo(channel) {
  change(() => {
    if (channel !== state.place) state.thread = null
    state.place = channel
  })
}

/** The first time, and when the server no longer knows what was chosen. */
function choosePlace() {
  const greeting = state.greeting
  if (!greeting) return
  if (!me()) {
    const known = greeting.people.find((person) => person.id === recallPerson())
    state.me = (known ?? greeting.people[0])?.id ?? ''
  }
  if (!greeting.channels.includes(state.place) && state.place !== me()?.direct) {
    state.place = greeting.channels[0] ?? me()?.direct ?? ''
  }
}

function drawPeople() {
  const people = state.greeting?.people ?? []
  drawList(byId('people'), people, {
    key: (person) => person.id,
    stamp: (person) =>
      `${person.name} ${person.title} ${person.id === state.me} ${unreadCount(person.id, person.direct)}`,
    draw: (person) => {
      const index = people.indexOf(person)
      const mine = person.id === state.me
      return h(
        'button',
        {
          type: 'button',
          class: 'person-choice',
          role: 'radio',
          'aria-checked': mine ? 'true' : 'false',
          tabindex: mine ? 0 : -1,
          'data-focus': 'me',
          title: `Act as ${person.name} (Alt+${index + 1})`,
          onclick: () => actAs(person),
        },
        h('span', { class: `face face-${index % 8}`, 'aria-hidden': 'true' }, initialsOf(person.name)),
        h('span', { class: 'person-words' }, drawName(person.name), h('span', { class: 'person-title' }, person.title)),
        drawCount(unreadCount(person.id, person.direct)),
        h('kbd', { 'aria-hidden': 'true' }, `Alt ${index + 1}`),
      )
    },
  })
}

function drawPlaces() {
  const channels = state.greeting?.channels ?? []
  const direct = me()?.direct
  drawPlaceList(
    byId('channels'),
    channels.map((channel) => ({ channel, name: channel.replace(/^#/, ''), mark: '#' })),
  )
  drawPlaceList(byId('directs'), direct ? [{ channel: direct, name: 'Countersign', mark: '' }] : [])
}

/**
 * @param {Element} list
 * @param {{ channel: string, name: string, mark: string }[]} places
 */
function drawPlaceList(list, places) {
  drawList(list, places, {
    key: (place) => place.channel,
    stamp: ({ channel }) => `${channel === state.place} ${unreadCount(state.me, channel)}`,
    draw: ({ channel, name, mark }) => {
      const unread = unreadCount(state.me, channel)
      return h(
        'li',
        {},
        h(
          'button',
          {
            type: 'button',
            class: unread > 0 ? 'place unread' : 'place',
            'aria-current': channel === state.place ? 'page' : null,
            'data-focus': 'place',
            onclick: () => goTo(channel),
          },
          mark
            ? h('span', { class: 'hash', 'aria-hidden': 'true' }, mark)
            : h('img', { src: '/page/mark.svg', alt: '', width: 20, height: 20 }),
          h('span', { class: 'place-name' }, name),
          drawCount(unread),
        ),
      )
    },
  })
}

/** @param {number} count */
function drawCount(count) {
  return count > 0 && h('span', { class: 'count' }, String(count), h('span', { class: 'sr' }, ' unread'))
}

/** @param {KeyboardEvent} event */
function onArrow(event) {
  const step = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 }[event.key]
  const people = state.greeting?.people ?? []
  if (!step || people.length === 0) return
  event.preventDefault()
  const at = people.findIndex((person) => person.id === state.me)
  const next = people[(at + step + people.length) % people.length]
  if (!next) return
  actAs(next)
  queueMicrotask(() => {
    const chosen = byId('people').querySelector('[aria-checked="true"]')
    if (chosen instanceof HTMLElement) chosen.focus()
  })
}

/**
 * The first name apart, because a phone has room for no more.
 * @param {string} name
 */
function drawName(name) {
  const [first = '', ...others] = name.split(' ')
  return h(
    'span',
    { class: 'person-name' },
    first,
    others.length > 0 && h('span', { class: 'other-names' }, ` ${others.join(' ')}`),
  )
}

/** @param {string} name */
function initialsOf(name) {
  const words = name.split(/\s+/).filter(Boolean)
  return [words[0], words.length > 1 ? words.at(-1) : ''].map((word) => [...(word ?? '')][0] ?? '').join('')
}

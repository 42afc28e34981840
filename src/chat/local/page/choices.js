import { rootsIn, state } from './state.js'

/**
 * What this browser remembers: whom the tab acts as, what was seen, whether the guide was put away. A browser that
 * forbids storage forgets, and nothing else changes.
 */

/** @returns {string | null} */
export function recallPerson() {
  return read(() => sessionStorage, 'countersign:me')
}

/** @param {string} person */
export function rememberPerson(person) {
  write(() => sessionStorage, 'countersign:me', person)
}

/** @returns {boolean} */
export function recallGuideClosed() {
  return read(() => localStorage, 'countersign:guide') === 'closed'
}

/** @param {boolean} closed */
export function rememberGuideClosed(closed) {
  write(() => localStorage, 'countersign:guide', closed ? 'closed' : 'open')
}

/**
 * How many messages in the channel this person has not had before their eyes.
 * @param {string} person
 * @param {string} channel
 */
export function unreadCount(person, channel) {
  const seenUntil = Number(read(() => localStorage, seenKey(person, channel)) ?? 0)
  return rootsIn(channel).filter((message) => message.postedAt > seenUntil).length
}

/** Whoever acts now has seen what is shown now. */
export function rememberSeen() {
  const newest = rootsIn(state.place).at(-1)
  if (newest && document.visibilityState === 'visible') {
    write(() => localStorage, seenKey(state.me, state.place), String(newest.postedAt))
  }
}

/**
 * @param {string} person
 * @param {string} channel
 */
function seenKey(person, channel) {
  return `countersign:seen:${person}:${channel}`
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 */
function read(storage, key) {
  try {
    return storage().getItem(key)
  } catch {
    return null
  }
}

/**
 * @param {() => Storage} storage
 * @param {string} key
 * @param {string} value
 */
function write(storage, key, value) {
  try {
    storage().setItem(key, value)
  } catch {
    // Storage is forbidden or full: remembered until reload by nobody, which harms nothing.
  }
}

/** @import { Completion } from '../local-person.ts' */

/**
 * What can follow what is typed so far.
 * @param {string} typed
 * @param {readonly Completion[]} words what this person may write after `/access`
 * @returns {{ options: { word: string, detail: string }[], partial: string, rest: string | null, exact: boolean }}
 */
export function complete(typed, words) {
  const nothing = { options: [], partial: '', rest: null, exact: false }
  if (!typed.startsWith('/')) return nothing
  if (!/\s/.test(typed)) {
    const starts = '/access'.startsWith(typed.toLowerCase())
    const options = starts ? [{ word: '/access', detail: 'Ask for access, see yours, get help' }] : []
    return { ...nothing, options, partial: typed, exact: typed.toLowerCase() === '/access' }
  }
  const [command, ...given] = typed.split(/\s+/)
  if (command?.toLowerCase() !== '/access') return nothing
  const partial = given.pop() ?? ''
  let level = words
  let rest = null
  for (const word of given) {
    const found = level.find((one) => one.word === word.toLowerCase())
    if (!found) return { ...nothing, partial, rest }
    level = found.next
    rest = found.rest ?? rest
  }
  return {
    options: level.filter((one) => one.word.startsWith(partial.toLowerCase())),
    partial,
    rest,
    exact: level.some((one) => one.word === partial.toLowerCase()),
  }
}

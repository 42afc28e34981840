import { byId, drawList, h } from './dom.js'
import { drawPaneHead } from './pane-head.js'
import { state, watch } from './state.js'
import { drawCountdown, drawWords } from './text.js'
import { showTime } from './time.js'

/** @import { TargetPane } from '../panes.ts' */

/** What the target itself shows right now. */
export function startTargetPane() {
  const pane = byId('target-pane')
  const words = h('p', { class: 'pane-words', role: 'status' })
  const list = h('ul', { class: 'accounts' })
  const head = drawPaneHead('target-title', 'pane-live')
  pane.append(head, h('div', { class: 'pane-body' }, words, list))
  watch(() => {
    const { target } = state
    const title = byId('target-title')
    const named = `What exists in ${target?.target ?? 'the target'} right now`
    if (title.textContent !== named) title.textContent = named
    const accounts = target?.accounts ?? []
    const said =
      target === undefined
        ? 'Looking…'
        : target === null
          ? 'The target cannot be asked right now. What it holds is not known.'
          : accounts.length === 0
            ? 'Nobody has access.'
            : ''
    if (words.textContent !== said) words.textContent = said
    words.hidden = said === ''
    words.classList.toggle('nobody', target !== null && target !== undefined)
    words.classList.toggle('unknown', target === null)
    drawList(list, accounts, { key: (account) => account.account, stamp: JSON.stringify, draw: drawAccount })
  })
}

/** @param {TargetPane['accounts'][number]} account */
function drawAccount(account) {
  const { until, liveSessions } = account
  const sessions = liveSessions === 1 ? '1 live session' : `${liveSessions} live sessions`
  return h(
    'li',
    { class: account.logins === 'closed' ? 'account closing' : 'account' },
    h(
      'div',
      { class: 'account-head' },
      h('strong', {}, drawWords(account.holder ?? 'No grant explains this')),
      until === null
        ? h('span', { class: 'countdown endless' }, 'no end')
        : account.logins === 'closed'
          ? h('span', { class: 'countdown soon' }, 'ending')
          : drawCountdown(until, ''),
    ),
    h('code', { class: 'account-name' }, drawWords(account.account)),
    h(
      'p',
      { class: 'account-facts' },
      ...account.holds.map((entitlement) => h('span', { class: 'chip' }, drawWords(entitlement))),
      account.grant && h('span', { class: 'chip quiet-chip' }, drawWords(account.grant)),
    ),
    h(
      'p',
      { class: 'account-facts' },
      h('span', { class: liveSessions > 0 ? 'sessions live' : 'sessions' }, sessions),
      until !== null && h('span', { class: 'until' }, `until ${showTime(until, 'time-seconds')}`),
    ),
  )
}

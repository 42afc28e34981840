import { byId, drawList, h } from './dom.js'
import { change, state, watch } from './state.js'

let view = 'chat'

/** On a phone, one of the three at a time. */
export function startTabs() {
  watch(() => {
    byId('app').dataset.view = view
    const views = [
      { id: 'chat', words: 'Chat' },
      { id: 'target', words: `Now in ${state.target?.target ?? 'the target'}` },
      { id: 'record', words: 'The record' },
    ]
    drawList(byId('tabs'), views, {
      key: (one) => one.id,
      stamp: (one) => `${one.words} ${one.id === view} ${countOf(one.id)}`,
      draw: (one) =>
        h(
          'button',
          {
            type: 'button',
            'aria-current': one.id === view ? 'page' : null,
            'data-focus': 'tab',
            onclick: () => change(() => (view = one.id)),
          },
          one.words,
          countOf(one.id) > 0 && h('span', { class: 'count' }, String(countOf(one.id))),
        ),
    })
  })
}

/** @param {string} id */
function countOf(id) {
  return id === 'target' ? (state.target?.accounts.length ?? 0) : 0
}

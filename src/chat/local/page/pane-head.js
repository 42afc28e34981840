import { h } from './dom.js'

/**
 * The head of a pane, which folds it.
 * @param {string} titleId
 * @param {string} mark a class for the sign beside the title
 */
export function drawPaneHead(titleId, mark) {
  const fold = h('button', { type: 'button', class: 'quiet icon fold', 'aria-expanded': 'true', onclick: toggle })
  fold.setAttribute('aria-labelledby', titleId)
  return h(
    'header',
    { class: 'pane-head' },
    h('span', { class: mark, 'aria-hidden': 'true' }),
    h('h2', { id: titleId }),
    fold,
  )

  function toggle() {
    const open = fold.getAttribute('aria-expanded') !== 'true'
    fold.setAttribute('aria-expanded', String(open))
    fold.closest('.pane')?.classList.toggle('folded', !open)
  }
}

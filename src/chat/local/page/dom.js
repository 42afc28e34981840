/**
 * @typedef {Node | string | null | false | undefined} Child
 * @typedef {Record<string, string | number | boolean | null | undefined | ((event: Event) => void)>} Attributes
 */

/**
 * An element. `on…` attributes are listeners, `true` is an empty attribute, null and false are left out.
 * Text is always text: nothing here parses markup.
 * @template {keyof HTMLElementTagNameMap} T
 * @param {T} tag
 * @param {Attributes} [attributes]
 * @param {...Child} children
 * @returns {HTMLElementTagNameMap[T]}
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue
    if (typeof value === 'function') element.addEventListener(name.slice(2), value)
    else element.setAttribute(name, value === true ? '' : String(value))
  }
  for (const child of children) if (child) element.append(child)
  return element
}

/**
 * The element that index.html declares.
 * @param {string} id
 * @returns {HTMLElement}
 */
export function byId(id) {
  const element = document.getElementById(id)
  if (!element) throw new Error(`index.html has no #${id}`)
  return element
}

/**
 * Brings the children of `parent` into line with `items` and touches only those whose stamp changed, so that focus,
 * selection and scroll survive.
 * @template T
 * @param {Element} parent
 * @param {readonly T[]} items
 * @param {object} how
 * @param {(item: T) => string} how.key
 * @param {(item: T) => string} how.stamp
 * @param {(item: T, old: HTMLElement | null) => HTMLElement} how.draw
 * @param {(item: T, element: HTMLElement) => void} [how.fill] brings what is inside into line, each time
 */
export function drawList(parent, items, how) {
  /** @type {Map<string, HTMLElement>} */
  const standing = new Map()
  for (const child of parent.children) {
    if (child instanceof HTMLElement && child.dataset.key) standing.set(child.dataset.key, child)
  }
  let place = parent.firstElementChild
  for (const item of items) {
    const key = how.key(item)
    const stamp = how.stamp(item)
    const old = standing.get(key) ?? null
    standing.delete(key)
    if (old && old.dataset.stamp === stamp) {
      how.fill?.(item, old)
      if (old === place) place = place.nextElementSibling
      else parent.insertBefore(old, place)
      continue
    }
    const fresh = how.draw(item, old)
    fresh.dataset.key = key
    fresh.dataset.stamp = stamp
    how.fill?.(item, fresh)
    if (!old) {
      parent.insertBefore(fresh, place)
      continue
    }
    if (old === place) place = place.nextElementSibling
    replaceKeepingFocus(old, fresh)
    if (fresh.nextElementSibling !== place) parent.insertBefore(fresh, place)
  }
  for (const gone of standing.values()) gone.remove()
}

/**
 * @param {HTMLElement} old
 * @param {HTMLElement} fresh
 */
function replaceKeepingFocus(old, fresh) {
  const focused = old.contains(document.activeElement) ? document.activeElement : null
  old.replaceWith(fresh)
  if (!(focused instanceof HTMLElement)) return
  const name = focused.dataset.focus
  const heir = [...fresh.querySelectorAll('[data-focus]')].find((one) => one.getAttribute('data-focus') === name)
  const fallback = fresh.querySelector('[tabindex="-1"]')
  const target = heir ?? fallback
  if (target instanceof HTMLElement) target.focus({ preventScroll: true })
}

/**
 * Says it to people who do not see the page change.
 * @param {string} words
 */
export function announce(words) {
  const line = h('p', {}, words)
  byId('announcer').append(line)
  setTimeout(() => line.remove(), 10_000)
}

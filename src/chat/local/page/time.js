/** Server time minus this machine's, ms. The server's clock is the one that ends an access. */
let skewMs = 0

/** @param {number} serverNow epoch ms */
export function correctClock(serverNow) {
  skewMs = serverNow - Date.now()
}

/** The server's time, epoch ms. */
export function now() {
  return Date.now() + skewMs
}

/**
 * In the reader's own zone and manner.
 * @param {number} at epoch ms
 * @param {'time' | 'date-time' | 'time-seconds'} show
 */
export function showTime(at, show) {
  return formats[show].format(at)
}

/** @param {number} at epoch ms */
export function showWholeTime(at) {
  return `${formats.whole.format(at)} (${new Date(at).toISOString().replace('.000Z', 'Z')})`
}

/** @param {number} at epoch ms */
export function showDay(at) {
  const day = formats.day.format(at)
  return day === formats.day.format(now()) ? 'Today' : day
}

/**
 * @param {number} until epoch ms
 * @returns {string | null} `1:32`, `2:05:00`, `3 d 4 h`; null when it is over
 */
export function timeLeft(until) {
  const seconds = Math.ceil((until - now()) / 1000)
  if (seconds <= 0) return null
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  const two = (/** @type {number} */ value) => String(value).padStart(2, '0')
  if (hours >= 24) return `${Math.floor(hours / 24)} d ${hours % 24} h`
  if (hours > 0) return `${hours}:${two(minutes % 60)}:${two(seconds % 60)}`
  return `${minutes}:${two(seconds % 60)}`
}

/** Keeps every countdown on the page true. */
export function startCountdowns() {
  setInterval(() => {
    for (const element of document.querySelectorAll('[data-until]')) {
      if (!(element instanceof HTMLElement)) continue
      const left = timeLeft(Number(element.dataset.until))
      const words = left === null ? '' : `${element.dataset.before ?? ''}${left}`
      if (element.textContent !== words) element.textContent = words
      element.classList.toggle('soon', left !== null && Number(element.dataset.until) - now() < 60_000)
    }
  }, 250)
}

const formats = {
  time: new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit' }),
  'time-seconds': new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit' }),
  'date-time': new Intl.DateTimeFormat(undefined, {
    day: 'numeric',
    month: 'short',
    hour: '2-digit',
    minute: '2-digit',
  }),
  whole: new Intl.DateTimeFormat(undefined, { dateStyle: 'full', timeStyle: 'long' }),
  day: new Intl.DateTimeFormat(undefined, { weekday: 'long', day: 'numeric', month: 'long' }),
}

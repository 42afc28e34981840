import type { Chart } from '../ports/chat.ts'

export const CHART_WIDTH = 640
const CHART_HEIGHT = 220

const LEFT = 44
const TOP = 34
const FLOOR = 184
const STEPS = 4

/**
 * Pairs of bars over a few lines, as an SVG that names its parts by class: whoever shows it gives them their colours
 * (`paper`, `grid`, `first`, `second`, `soft`).
 * @param style CSS that goes into it, where it stands by itself
 */
export function chartSvg({ pairs, legend, words }: Chart, style = ''): string {
  const highest = niceTop(Math.max(1, ...pairs.flatMap(({ values }) => values)))
  const y = (value: number) => FLOOR - ((FLOOR - TOP) * value) / highest
  const slot = (CHART_WIDTH - LEFT - 8) / Math.max(1, pairs.length)
  const width = Math.min(26, slot * 0.36)
  const every = Math.ceil(46 / slot)
  const grid = Array.from({ length: STEPS + 1 }, (_, n) => (highest / STEPS) * n).filter(Number.isInteger)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${CHART_WIDTH} ${CHART_HEIGHT}" width="${CHART_WIDTH}" height="${CHART_HEIGHT}" role="img" aria-label="${escaped(words)}">`,
    ...(style === '' ? [] : [`<style>${style}</style>`]),
    `<rect class="paper" width="${CHART_WIDTH}" height="${CHART_HEIGHT}"/>`,
    ...legend.map((word, n) => {
      const x = LEFT + n * 120
      return `<rect class="${CLASSES[n]}" x="${x}" y="9" width="12" height="12" rx="2"/>${label(word, x + 18, 19.5, 'start')}`
    }),
    ...grid.map(
      (value) =>
        `<line class="grid" x1="${LEFT}" x2="${CHART_WIDTH - 8}" y1="${round(y(value))}" y2="${round(y(value))}"/>${label(String(value), LEFT - 8, y(value) + 4, 'end')}`,
    ),
    ...pairs.map(({ label: word, values }, n) => {
      const middle = LEFT + slot * (n + 0.5)
      const bars = values.map((value, which) => {
        const x = middle - width + which * width + (which === 0 ? -1 : 1)
        return value === 0
          ? ''
          : `<rect class="${CLASSES[which]}" x="${round(x)}" y="${round(y(value))}" width="${round(width)}" height="${round(FLOOR - y(value))}" rx="2"/>`
      })
      return `${bars.join('')}${n % every === 0 ? label(word, middle, FLOOR + 20, 'middle') : ''}`
    }),
    '</svg>',
  ].join('')
}

function label(words: string, x: number, y: number, anchor: 'start' | 'middle' | 'end'): string {
  return `<text class="soft" x="${round(x)}" y="${round(y)}" text-anchor="${anchor}" font-size="13">${escaped(words)}</text>`
}

/** The next number that divides into whole steps and is easily read: 4, 8, 20, 40, … */
function niceTop(most: number): number {
  for (let unit = 1; ; unit *= 10) {
    const found = [1, 2, 5].map((times) => times * unit * STEPS).find((top) => top >= most)
    if (found !== undefined) return found
  }
}

const CLASSES = ['first', 'second'] as const
const round = (value: number) => Math.round(value * 10) / 10

function escaped(words: string): string {
  return words.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

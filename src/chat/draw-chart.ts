import { createRequire } from 'node:module'
import { z } from 'zod'
import { CHART_WIDTH, chartSvg } from '../cards/chart-svg.ts'
import type { Chart } from '../ports/chat.ts'

/** Made once, and asked for again whenever the card changes. */
const MOST_REMEMBERED = 50
const drawn = new Map<string, Picture | null>()
const load = createRequire(import.meta.url)

/** On any ground, light or dark: nothing is behind it. */
const STYLE = [
  '.paper{fill:none}.grid{stroke:#7d838c;stroke-opacity:.35}.first{fill:#8fbfb4}.second{fill:#2b8a78}',
  ".soft{fill:#7d838c;font-family:'DejaVu Sans'}",
].join('')

export interface Picture {
  /** PNG. */
  readonly bytes: Buffer
  /** For who cannot see it. */
  readonly words: string
}

/**
 * The chart as a picture, for platforms that take no drawing; null where this machine cannot make one: a card goes out
 * all the same, its words say what the chart shows.
 * @param width in pixels
 */
export function drawChart(chart: Chart, width = CHART_WIDTH): Picture | null {
  const key = `${width} ${JSON.stringify(chart)}`
  const known = drawn.get(key)
  if (known !== undefined) return known
  if (drawn.size >= MOST_REMEMBERED) drawn.clear()
  const picture = draw(chart, width)
  drawn.set(key, picture)
  return picture
}

/** A chart as it came back from a page; null when it is none. */
export function readChart(said: unknown): Chart | null {
  if (typeof said !== 'string' || said.length > 4_000) return null
  try {
    return chartSchema.parse(JSON.parse(said))
  } catch {
    return null
  }
}

const chartSchema = z.object({
  words: z.string().max(2_000),
  legend: z.tuple([z.string().max(20), z.string().max(20)]),
  pairs: z
    .array(z.object({ label: z.string().max(20), values: z.tuple([z.int().min(0), z.int().min(0)]) }))
    .min(1)
    .max(60),
})

/** As it stands in a browser, which knows by itself whether the page is dark. */
export function drawChartAsSvg(chart: Chart): string {
  return chartSvg(chart, `${STYLE}text{font-family:system-ui,sans-serif}`)
}

function draw(chart: Chart, width: number): Picture | null {
  try {
    // Loaded when it is first needed: a machine that lacks it lacks pictures, and nothing else.
    const { Resvg } = load('@resvg/resvg-js') as typeof import('@resvg/resvg-js')
    const font = { loadSystemFonts: false, fontFiles: [load.resolve('dejavu-fonts-ttf/ttf/DejaVuSans.ttf')] }
    const image = new Resvg(chartSvg(chart, STYLE), { font, fitTo: { mode: 'width', value: width } }).render()
    return { bytes: image.asPng(), words: chart.words }
  } catch {
    return null
  }
}

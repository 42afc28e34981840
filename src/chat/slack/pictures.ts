import type { webApi } from '@slack/bolt'
import { z } from 'zod'
import type { Chart } from '../../ports/chat.ts'
import { drawChart } from '../draw-chart.ts'

/** Pictures in Slack of which this process remembers the id. */
const MOST_REMEMBERED = 50
/** After so many a card goes without. */
const MOST_REFUSALS = 3

/** Charts as files of Slack's own: nothing of ours is fetched from the internet. Twice as large as they are shown. */
export function createPictures(client: webApi.WebClient): Pictures {
  const files = new Map<string, string>()
  const refusals = new Map<string, number>()
  return {
    refused(chart) {
      const key = JSON.stringify(chart)
      if (refusals.size >= MOST_REMEMBERED) refusals.clear()
      refusals.set(key, (refusals.get(key) ?? 0) + 1)
    },
    async fileOf(chart) {
      const key = JSON.stringify(chart)
      if ((refusals.get(key) ?? 0) >= MOST_REFUSALS) return null
      const known = files.get(key)
      if (known !== undefined) return known
      const picture = drawChart(chart, 1_280)
      if (picture === null) return null
      try {
        const { bytes: file, words: alt_text } = picture
        const answer = await client.filesUploadV2({ file, alt_text, filename: 'chart.png' })
        const id = uploadedSchema.parse(answer).files[0].files[0].id
        if (files.size >= MOST_REMEMBERED) files.clear()
        files.set(key, id)
        return id
      } catch {
        // Without the scope files:write, or just now: its words stand in its place.
        return null
      }
    },
  }
}

const uploadedSchema = z.object({
  files: z.tuple([z.object({ files: z.tuple([z.object({ id: z.string().min(1) })], z.unknown()) })], z.unknown()),
})

interface Pictures {
  /** The id of the file in Slack; null where there is no picture. */
  fileOf(chart: Chart): Promise<string | null>
  /** Slack took no message with it. */
  refused(chart: Chart): void
}

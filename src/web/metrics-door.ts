import { Router } from 'express'
import { inOneGo } from './in-one-go.ts'

const BUDGET_MS = 5_000
const FRESH_MS = 1_000

/**
 * `/metrics` for Prometheus. However many ask, the database is read once a second at most. What cannot be read in time
 * is left out: the figures of this process are always there.
 */
export function createMetricsDoor<House, Check>(options: {
  readonly now: () => number
  readonly readHouse: () => Promise<House>
  readonly readChecks: () => Promise<readonly Check[]>
  readonly show: (house: House | null, checks: readonly Check[]) => Promise<string>
  readonly contentType: string
  readonly onFault: (error: unknown) => void
}): Router {
  const { now, readHouse, readChecks, show, contentType, onFault } = options
  let shown: { readonly text: string; readonly at: number } | null = null
  const readHouseOnce = inOneGo(readHouse)

  const look = inOneGo(async () => {
    if (shown !== null && now() - shown.at < FRESH_MS) return shown.text
    const checks = await readChecks()
    const house = await within(BUDGET_MS, readHouseOnce()).catch((error: unknown) => {
      onFault(error)
      return null
    })
    shown = { text: await show(house, checks), at: now() }
    return shown.text
  })

  const router = Router()
  router.get('/metrics', async (_request, response) => {
    const text = await look()
    response.set('Cache-Control', 'no-store').type(contentType).send(text)
  })
  return router
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`not read within ${ms} ms`)), ms)
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}

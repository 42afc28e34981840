import { Router } from 'express'
import { inOneGo } from './in-one-go.ts'

const BUDGET_MS = 2_000

/**
 * `/healthz`: the process is up. `/readyz`: whether it can do its work. Only a check that says it is
 * decisive (the database, the schema) takes the process out of service; everything else is told in the
 * body, because a replica that cannot reach a target or a witness still answers people and ends access.
 */
export function createHealth(checks: readonly HealthCheck[], askAll: AskAll = askingAll(checks)): Router {
  const router = Router()
  router.use(['/healthz', '/readyz'], (_request, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  router.get('/healthz', (_request, response) => {
    response.json({ status: 'up' })
  })
  router.get('/readyz', async (_request, response) => {
    const results = await askAll()
    const status = statusOf(checks, results)
    response.status(status === 'unavailable' ? 503 : 200).json({ status, checks: results })
  })
  return router
}

/** Asks every check; for whoever shows the answers in another way. */
export function askingAll(checks: readonly HealthCheck[]): AskAll {
  const asking = checks.map((check) => inOneGo(() => ask(check)))
  return () => Promise.all(asking.map((askOne) => askOne()))
}

function statusOf(checks: readonly HealthCheck[], results: readonly CheckResult[]): HealthStatus {
  if (results.some(({ state }, n) => state === 'failed' && checks[n]?.decisive)) return 'unavailable'
  return results.some(({ state }) => state !== 'ok') ? 'degraded' : 'ready'
}

async function ask({ name, budgetMs = BUDGET_MS, look }: HealthCheck): Promise<CheckResult> {
  const late = Promise.withResolvers<Look>()
  const timer = setTimeout(late.resolve, budgetMs, { state: 'failed', detail: `no answer within ${budgetMs} ms` })
  try {
    return { name, ...(await Promise.race([look(), late.promise])) }
  } catch (error) {
    // A message of a driver may name hosts, users and more: everybody may read this.
    const code = error instanceof Error && 'code' in error ? error.code : 'unexpected error'
    return { name, state: 'failed', detail: String(code) }
  } finally {
    clearTimeout(timer)
  }
}

export interface HealthCheck {
  readonly name: string
  /** Without it this process can do nothing: answered with 503. */
  readonly decisive: boolean
  /** 2 s when not said. */
  readonly budgetMs?: number
  look(): Promise<Look>
}

/** `detail` is one line for operators, without secrets. */
export interface Look {
  readonly state: 'ok' | 'degraded' | 'failed'
  readonly detail: string
}

export type AskAll = () => Promise<readonly CheckResult[]>

type CheckResult = Look & { readonly name: string }

type HealthStatus = 'ready' | 'degraded' | 'unavailable'

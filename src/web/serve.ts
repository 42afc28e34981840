import { createServer, type Server } from 'node:http'
import express, { type RequestHandler, type Router } from 'express'

/** How long a request that is under way may still take when we stop. */
const DRAIN_MS = 5_000

/** One HTTP server for all doors. */
export interface Serving {
  readonly port: number
  /** Takes no more, lets what is under way finish, then closes. Twice is harmless. */
  stop(): Promise<void>
}

/**
 * Listens. What no router answers is a plain 404; what throws is a plain 500 with no word of why.
 * @throws ServeError when the port cannot be had
 */
export async function serve(options: {
  readonly host: string
  readonly port: number
  readonly routers: readonly Router[]
  readonly onFault: (error: unknown) => void
}): Promise<Serving> {
  const app = express()
  app.disable('x-powered-by')
  app.set('etag', false)
  for (const router of options.routers) app.use(router)
  app.use(((_request, response) => {
    response.status(404).type('text').send('There is nothing here.\n')
  }) satisfies RequestHandler)
  app.use(((error: unknown, _request: express.Request, response: express.Response, next: express.NextFunction) => {
    options.onFault(error)
    if (response.headersSent) return next(error)
    const status = (error as { status?: unknown }).status
    const asked = typeof status === 'number' && status >= 400 && status < 500
    response
      .status(asked ? status : 500)
      .type('text')
      .send(asked ? 'This request is malformed.\n' : 'Something failed.\n')
  }) satisfies express.ErrorRequestHandler)
  const server = createServer(app)
  await listen(server, options.port, options.host)
  const address = server.address()
  let stopped: Promise<void> | null = null
  return {
    port: typeof address === 'object' && address !== null ? address.port : options.port,
    stop: () => {
      stopped ??= close(server)
      return stopped
    },
  }
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) => {
      const why = cause.code === 'EADDRINUSE' ? 'it is in use: stop the other process, or set PORT' : cause.message
      reject(new ServeError(`Cannot listen on ${host}:${port}: ${why}`, { cause }))
    })
    server.listen(port, host, resolve)
  })
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
    server.close(() => {
      clearTimeout(timer)
      resolve()
    })
    // A connection that is kept for more would hold us up after its last answer.
    server.keepAliveTimeout = 1
    server.closeIdleConnections()
  })
}

export class ServeError extends Error {
  readonly code = 'CANNOT_LISTEN'
  override name = 'ServeError'
}

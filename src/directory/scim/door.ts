import { createHash, timingSafeEqual } from 'node:crypto'
import { type ErrorRequestHandler, json, type Request, type RequestHandler, type Response, Router } from 'express'
import SCIMMY from 'scimmy'
import SCIMMYRouters from 'scimmy-routers'
import type { Provisioning } from '../../workflow/provision-people.ts'
import { listOf } from './list.ts'
import { addMissing, readBody } from './read-body.ts'
import { declareResources, type ScimContext } from './resources.ts'

/** A group of ten thousand takes less. */
const MOST_BYTES = 2 * 1024 * 1024

/**
 * `/scim/v2` (RFC 7644): a directory pushes users and groups. Whoever has the token is the directory; it is compared in
 * constant time. What comes in is read before scimmy sees it, and whatever is wrong with it is answered as SCIM says,
 * never with a bare 500.
 */
export function createScimDoor(options: {
  readonly token: string
  readonly publicUrl: () => string
  readonly provisioning: Provisioning
  readonly onFault: (error: unknown) => void
}): Router {
  const { provisioning, onFault } = options
  declareResources()
  const contextOf = (response?: Response): ScimContext => ({
    ...{ provisioning, read: new Map() },
    onFault(error) {
      if (response !== undefined) response.locals.isOurs = true
      onFault(error)
    },
  })
  const router = Router()
  const inner = Router()
  inner.use(authorised(options.token))
  inner.use(json({ type: () => true, limit: MOST_BYTES, strict: false, inflate: false }))
  inner.use(readable)
  inner.use((_request, _response, next) => {
    // scimmy keeps one for the process, and sets it from each request after this.
    for (const resource of [SCIMMY.Resources.User, SCIMMY.Resources.Group]) {
      resource.basepath(`${options.publicUrl()}/scim/v2`)
    }
    next()
  })
  inner.patch('/Users/:id', async (request, _response, next) => {
    try {
      const state = (await provisioning.look()).persons.get(request.params.id)
      request.body = addMissing(request.body, state?.profile?.resource ?? {})
      next()
    } catch (error) {
      next(error)
    }
  })
  inner.get('/Users', listOf('User', contextOf))
  inner.get('/Groups', listOf('Group', contextOf))
  inner.use((_request, response, next) => {
    mendStatus(response)
    next()
  })
  inner.use(
    new SCIMMYRouters({
      type: 'bearer',
      // Authorised above: this one would say in its answer why not.
      handler: () => '',
      context: (request: Request) => contextOf(request.res),
      baseUri: () => options.publicUrl(),
    }),
  )
  // Not before: the routers say that all is there.
  SCIMMY.Config.set({ bulk: { supported: false }, changePassword: false, etag: false })
  router.use('/scim/v2', inner, refused(onFault))
  return router
}

function authorised(token: string): RequestHandler {
  const wanted = digest(token)
  return (request, response, next) => {
    const [, given = ''] = /^Bearer ([^\s]{1,4096})$/i.exec(request.get('authorization') ?? '') ?? []
    if (timingSafeEqual(digest(given), wanted)) return next()
    response.set('www-authenticate', 'Bearer realm="scim"')
    answer(response, 401, null, 'The token is missing or is another')
  }
}

function digest(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}

const readable: RequestHandler = (request, response, next) => {
  if (request.body === undefined) return next()
  const body = readBody(request.body)
  if (body === null && request.body !== null) return void answer(response, 400, 'invalidSyntax', 'This is no resource')
  request.body = body
  next()
}

/** What no resource took on itself: a body that cannot be read, a filter that is none. */
function refused(onFault: (error: unknown) => void): ErrorRequestHandler {
  return (error, _request, response, next) => {
    if (response.headersSent) {
      // scimmy has answered, and hands on what it tripped over: ours were told already.
      return
    }
    const { status, scimType, message } = error as { status?: unknown; scimType?: unknown; message?: unknown }
    if (typeof status === 'number' && status >= 400 && status < 500) {
      const isScim = error instanceof SCIMMY.Types.Error
      const words = isScim ? String(message) : 'The body cannot be read'
      return answer(response, status, isScim && typeof scimType === 'string' ? scimType : 'invalidSyntax', words)
    }
    if (error instanceof TypeError) return answer(response, 400, 'invalidValue', error.message)
    onFault(error)
    if (response.writableEnded) return next(error)
    answer(response, 500, null, 'Something failed. Try again')
  }
}

/**
 * What scimmy trips over in a body is the body's fault, and it says 500 to it. A fault of ours is one that `resources.ts`
 * has told of, in words of ours.
 */
function mendStatus(response: Parameters<RequestHandler>[1]): void {
  const send = response.send.bind(response)
  response.send = (body: unknown) => {
    if (response.statusCode !== 500 || response.locals.isOurs === true) return send(body)
    response.status(400)
    const detail = (body as { detail?: unknown } | null)?.detail
    return send(wordsOf(400, 'invalidValue', typeof detail === 'string' ? detail : 'This cannot be read'))
  }
}

function answer(
  response: Parameters<RequestHandler>[1],
  status: number,
  scimType: string | null,
  detail: string,
): void {
  response.locals.isOurs = true
  response
    .status(status)
    .type('application/scim+json')
    .send(wordsOf(status, scimType, detail))
}

function wordsOf(status: number, scimType: string | null, detail: string): string {
  return JSON.stringify({
    schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
    ...{ status: String(status), detail: detail.slice(0, 500) },
    ...(scimType !== null && scimType !== '' && { scimType }),
  })
}

export const CORE_USER = 'urn:ietf:params:scim:schemas:core:2.0:User'
export const CORE_GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group'
export const ENTERPRISE_USER = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User'
export const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp'

/** What a directory does. */
export function createScimClient(url: string, token: string): ScimClient {
  const send: ScimClient['send'] = async (method, path, body, headers = {}) => {
    const response = await fetch(`${url}/scim/v2${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/scim+json', ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    const isJson = text.startsWith('{') || text.startsWith('[')
    return { status: response.status, body: (isJson ? JSON.parse(text) : text) as ScimBody }
  }
  return {
    send,
    async user(userName, more = {}) {
      const { status, body } = await send('POST', '/Users', { schemas: [CORE_USER], userName, ...more })
      if (status !== 201) throw new Error(`${userName}: ${status} ${JSON.stringify(body)}`)
      return body.id
    },
    patch: (path, ...operations) => send('PATCH', path, { schemas: [PATCH], Operations: operations }),
  }
}

export interface ScimClient {
  send(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<Answered>
  /** @returns its id */
  user(userName: string, more?: Record<string, unknown>): Promise<string>
  patch(path: string, ...operations: unknown[]): Promise<Answered>
}

export interface Answered {
  readonly status: number
  readonly body: ScimBody
}

export interface ScimBody {
  readonly id: string
  readonly active: boolean
  readonly userName: string
  readonly displayName: string
  readonly status: string
  readonly scimType?: string
  readonly detail?: string
  readonly totalResults: number
  readonly startIndex: number
  readonly itemsPerPage: number
  readonly Resources: readonly ScimBody[]
  readonly schemas: readonly string[]
  readonly members?: readonly { value: string }[]
  readonly [name: string]: unknown
}

import { ConnectorError } from '../../ports/connector.ts'

/**
 * Takes a target's address apart: `postgres://bot:secret@host:5432/database?sslmode=verify-full`.
 * @throws ConnectorError `PrivilegeMissing` that names the missing part and never shows the address, which holds a secret
 */
export function parseEndpoint(target: string, address: string): Endpoint {
  // No cause: the parser's own error repeats the whole address.
  const url = URL.canParse(address) ? new URL(address) : null
  if (!url || !/^postgres(ql)?:$/.test(url.protocol))
    throw malformed(target, 'the form postgres://user:password@host:port/database')
  const database = decode(url.pathname.slice(1))
  const user = decode(url.username)
  if (!url.hostname) throw malformed(target, 'a host')
  if (!user) throw malformed(target, 'a user')
  if (!database) throw malformed(target, 'a database')
  return {
    // An IPv6 address stands in brackets.
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port || 5432),
    database,
    user,
    password: decode(url.password),
    tls: tlsMode(target, url.searchParams.get('sslmode') ?? 'prefer'),
  }
}

function decode(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}

function tlsMode(target: string, mode: string): Endpoint['tls'] {
  switch (mode) {
    case 'disable':
    case 'prefer':
    case 'require':
    case 'verify-full':
      return mode
    default:
      throw malformed(target, 'an sslmode of disable, prefer, require or verify-full')
  }
}

function malformed(target: string, needed: string): ConnectorError {
  return new ConnectorError(
    'PrivilegeMissing',
    `The address of ${target} needs ${needed}. It is not shown: it holds a secret.`,
  )
}

export interface Endpoint {
  readonly host: string
  readonly port: number
  readonly database: string
  readonly user: string
  readonly password: string
  readonly tls: 'disable' | 'prefer' | 'require' | 'verify-full'
}

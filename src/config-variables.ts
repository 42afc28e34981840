import { resolve } from 'node:path'
import { z } from 'zod'

/**
 * Every variable that is read, each with what may stand in it. A fault follows the variable's name in a
 * message: `PORT is "99999", …`. Values that may be secret are never repeated.
 */
export const VARIABLES = {
  PORT: parsed((text) => {
    const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
    return port >= 1 && port <= 65_535 ? port : new Wrong(`is "${text}", not a port. Write a number from 1 to 65535`)
  }),
  HOST: parsed((text) =>
    /^[\w.:[\]-]{1,255}$/.test(text) ? text : new Wrong(`is "${text}", not an address. Write one such as 127.0.0.1`),
  ),
  PUBLIC_URL: parsed(readPublicUrl),
  DATA_DIR: z.string(),
  POLICY_FILE: parsed((text) => resolve(text)),
  DATABASE_URL: parsed(readDatabaseUrl),
  DATABASE_SEALER_URL: parsed(readDatabaseUrl),
  DATABASE_OWNER_URL: parsed(readDatabaseUrl),
  SIGNING_KEY_FILE: parsed((text) => resolve(text)),
  MAC_KEY_FILE: parsed((text) => resolve(text)),
  SECRETS_KEY_FILE: parsed((text) => resolve(text)),
  LOG_ORIGIN: parsed((text) =>
    // The form that C2SP gives to the name of a key.
    /^[^\s+]{1,200}$/u.test(text)
      ? text
      : new Wrong(
          `is "${text}", not the name of a log. Write one without spaces or +, such as example.com/countersign`,
        ),
  ),
  WITNESSES: parsed(readWitnesses),
  SLACK_BOT_TOKEN: parsed((text) =>
    /^xapp-|^xoxp-/.test(text)
      ? new Wrong('is not the token of a bot. Take the one that starts with xoxb-')
      : readSecret(text),
  ),
  SLACK_SIGNING_SECRET: parsed(readSecret),
  SLACK_APP_TOKEN: parsed((text) =>
    text.startsWith('xoxb-')
      ? new Wrong('is the token of the bot. Take the one that starts with xapp-')
      : readSecret(text),
  ),
  SLACK_API_URL: parsed((text) => readServiceUrl(text, 'https://slack.com/api/')),
  TEAMS_APP_ID: parsed(readId),
  TEAMS_APP_PASSWORD: parsed(readSecret),
  TEAMS_TENANT_IDS: parsed(readTenants),
  TEAMS_OPENID_METADATA_URL: parsed(readTestUrl),
  TEAMS_LOGIN_URL: parsed(readTestUrl),
}

export type Values = { readonly [Name in keyof typeof VARIABLES]?: z.output<(typeof VARIABLES)[Name]> }

const NAMES = Object.keys(VARIABLES)
export const SLACK = NAMES.filter((name) => name.startsWith('SLACK_'))
export const TEAMS = NAMES.filter((name) => name.startsWith('TEAMS_'))
export const DEFAULT_ORIGIN = 'countersign.local/log'

export interface WitnessPlace {
  readonly kind: 'file'
  readonly path: string
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}

function readPublicUrl(text: string): string | Wrong {
  const url = urlOf(text)
  const remedy = 'Write the address that people type, such as https://access.example.com'
  if (url === null || !/^https?:$/.test(url.protocol)) return new Wrong(`is not an address of the web. ${remedy}`)
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    return new Wrong(`holds more than an address. ${remedy}`)
  }
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return new Wrong(`is "${text}": over http a one-time secret could be read on the way. Use https`)
  }
  return url.href.replace(/\/+$/, '')
}

function readDatabaseUrl(text: string): string | Wrong {
  const url = urlOf(text)
  if (url !== null && /^postgres(ql)?:$/.test(url.protocol)) return text
  return new Wrong('is not the address of a PostgreSQL database. Write postgres://user:password@host:5432/database')
}

function readWitnesses(text: string): WitnessPlace[] | Wrong {
  const places: WitnessPlace[] = []
  for (const part of text.split(',').map((each) => each.trim())) {
    const path = /^file:(\/[^\s,]+)$/.exec(part)?.[1]
    if (path === undefined) {
      const kind = /^([a-z0-9-]{1,20}):/i.exec(part)?.[1]
      const what =
        kind === undefined || kind === 'file' ? 'an entry that names no witness' : `a witness of the kind "${kind}"`
      return new Wrong(`has ${what}. Accepted are, divided by commas: file:/absolute/path`)
    }
    if (places.some((place) => place.path === path)) return new Wrong(`names file:${path} twice. Keep one`)
    places.push({ kind: 'file', path })
  }
  return places
}

function readSecret(text: string): string | Wrong {
  return /^[\x21-\x7e]+$/.test(text)
    ? text
    : new Wrong('holds a blank or a sign that no such secret has. Copy it again')
}

function readServiceUrl(text: string, example: string): string | Wrong {
  const url = urlOf(text)
  const safe = url !== null && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname)))
  if (safe && url.username === '' && url.password === '') return text
  return new Wrong(`is no plain https address, and tokens are sent there. Write one such as ${example}`)
}

/** Whoever answers there says who people are: never anybody but a test server on this machine. */
function readTestUrl(text: string): string | Wrong {
  const url = urlOf(text)
  if (url !== null && /^https?:$/.test(url.protocol) && isLoopback(url.hostname)) return text
  return new Wrong('is for test servers on this machine alone. Leave it out, or use an address on localhost')
}

function readId(text: string): string | Wrong {
  return /^[\w-]{1,100}$/.test(text) ? text : new Wrong('is no id. Copy the application (client) id, a GUID')
}

function readTenants(text: string): string[] | Wrong {
  const tenants = text.split(',').map((each) => each.trim().toLowerCase())
  for (const tenant of tenants) {
    if (['common', 'organizations', 'consumers'].includes(tenant)) {
      return new Wrong(`has "${tenant}", which lets everybody in. List your own tenants by id`)
    }
    if (!/^[\w-]{1,100}$/.test(tenant))
      return new Wrong('has an entry that is no id. Write tenant ids, divided by commas')
  }
  return [...new Set(tenants)]
}

function urlOf(text: string): URL | null {
  return URL.canParse(text) ? new URL(text) : null
}

function parsed<T>(read: (text: string) => T | Wrong) {
  return z.string().transform((text, context) => {
    const value = read(text)
    if (!(value instanceof Wrong)) return value
    context.addIssue({ code: 'custom', message: value.why })
    return z.NEVER
  })
}

class Wrong {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

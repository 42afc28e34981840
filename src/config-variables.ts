import { resolve } from 'node:path'
import { z } from 'zod'
import { DAY } from './domain/duration.ts'
import { readCron } from './schedule/slots.ts'

const DAYS_A_YEAR = 365.25
const MOST_DAYS = 36_500

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
    // As in a URL, an IPv6 address may stand in brackets; whoever listens takes it without.
    /^[\w.:-]{1,255}$|^\[[\w.:]{1,255}\]$/.test(text)
      ? text.replace(/^\[|\]$/g, '')
      : new Wrong(`is "${text}", not an address. Write one such as 127.0.0.1`),
  ),
  PUBLIC_URL: parsed(readPublicUrl),
  DATA_DIR: z.string(),
  POLICY_FILE: parsed((text) => resolve(text)),
  DATABASE_URL: parsed(readDatabaseUrl),
  DATABASE_SEALER_URL: parsed(readDatabaseUrl),
  DATABASE_OWNER_URL: parsed(readDatabaseUrl),
  SIGNING_KEY_FILE: parsed((text) => resolve(text)),
  SIGNER: parsed(readSigner),
  NEXT_SIGNING_KEY_FILE: parsed((text) => resolve(text)),
  NEXT_SIGNER: parsed(readSigner),
  MAC_KEY_FILE: parsed((text) => resolve(text)),
  OTHER_MAC_KEY_FILES: parsed((text) => text.split(',').map(readOtherMac)),
  SECRETS_KEY_FILE: parsed((text) => resolve(text)),
  LOG_ORIGIN: parsed((text) =>
    // The form that C2SP gives to the name of a key; a note with a control character in it is none.
    /^[^\s\p{Cc}+]{1,200}$/u.test(text)
      ? text
      : new Wrong(
          `is "${text}", not the name of a log. Write one of at most 200 characters without spaces or +, such as example.com/countersign`,
        ),
  ),
  WITNESSES: parsed(readWitnesses),
  VERIFY_SCHEDULE: parsed(readSchedule),
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
  TEAMS_READ_THREADS: parsed((text) =>
    text === 'on' || text === 'off' ? text : new Wrong(`is "${text}". Write on or off`),
  ),
  TEAMS_GRAPH_URL: parsed(readTestUrl),
  SCIM_TOKEN: parsed(readToken),
  SCIM_TOKEN_FILE: parsed((text) => resolve(text)),
}

/** `/path`, or `/path@leaf` of a key that was retired there. */
export interface OtherMacFile {
  readonly path: string
  readonly retiredAt: number | null
}

function readOtherMac(text: string): OtherMacFile {
  const [, path = text, leaf] = /^(.*?)(?:@(\d{1,15}))?$/s.exec(text.trim()) ?? []
  return { path: resolve(path), retiredAt: leaf === undefined ? null : Number(leaf) }
}

function readSchedule(text: string): string | Wrong {
  try {
    readCron(text, 'UTC')
    return text
  } catch {
    return new Wrong(`is "${text}", not a schedule. Write five fields as in cron, such as ${DEFAULT_VERIFY_SCHEDULE}`)
  }
}

export type Values = { readonly [Name in keyof typeof VARIABLES]?: z.output<(typeof VARIABLES)[Name]> }

const NAMES = Object.keys(VARIABLES)
export const SLACK = NAMES.filter((name) => name.startsWith('SLACK_'))
export const TEAMS = NAMES.filter((name) => name.startsWith('TEAMS_'))
/** The record is checked each night. */
export const DEFAULT_VERIFY_SCHEDULE = '17 3 * * *'
export const DEFAULT_ORIGIN = 'countersign.local/log'
/** Who administers a file that nobody else was named for. */
export const ITS_OWN_OPERATOR = 'whoever runs this process'

export type WitnessPlace = FilePlace | S3Place

export interface FilePlace {
  readonly kind: 'file'
  readonly path: string
  /** In words for an auditor. */
  readonly administeredBy: string
}

export interface S3Place {
  readonly kind: 's3'
  readonly bucket: string
  /** Without slashes at its ends; may be empty. */
  readonly prefix: string
  readonly region: string
  /** Null for AWS itself. */
  readonly endpoint: string | null
  readonly administeredBy: string
  /** How long what is written there stays locked. */
  readonly retentionMs: number
}

export function isLoopback(host: string): boolean {
  return /^(localhost|127(\.\d{1,3}){3}|\[?::1\]?)$/i.test(host)
}

function readPublicUrl(text: string): string | Wrong {
  const url = urlOf(text)
  const remedy = 'Write the address that people type, such as https://access.example.com'
  if (url === null || !/^https?:$/.test(url.protocol)) return new Wrong(`is not an address of the web. ${remedy}`)
  if (holdsMore(url)) return new Wrong(`holds more than an address. ${remedy}`)
  if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
    return new Wrong(`is "${text}": over http a one-time secret could be read on the way. Use https`)
  }
  return url.href.replace(/\/+$/, '')
}

function readDatabaseUrl(text: string): string | Wrong {
  const url = urlOf(text)
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol)) {
    return new Wrong('is not the address of a PostgreSQL database. Write postgres://user:password@host:5432/database')
  }
  const { username, password, host, pathname, search, hash } = url
  // A bare slash ends the host: the user would be looked for as a host, and the password shown as a database.
  const isCut = username === '' && `${pathname}${search}${hash}`.includes('@')
  if (!isCut && hasGoodEscapes(`${username}${password}${host}${pathname}`)) return text
  return new Wrong(
    'holds a sign that an address reads otherwise. In user, password and database write % as %25, / as %2F, ? as %3F, # as %23, @ as %40',
  )
}

function hasGoodEscapes(text: string): boolean {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}

/** A key that another process holds. */
export interface SignerPlace {
  readonly kind: 'ssh-agent'
  readonly socket: string
  readonly publicKey: Buffer
}

function readSigner(text: string): SignerPlace | Wrong {
  const form = 'Write ssh-agent:/path/of/the/socket?key=…, the key being the second word of its .pub file'
  const [, socket, query] = /^ssh-agent:(\/[^\s?]+)\?(.+)$/.exec(text) ?? []
  if (socket === undefined || query === undefined) return new Wrong(`names no signer. ${form}`)
  // A plus stands for a space in a query, and is a digit in base64: the last one, too.
  const given = readQuery(`ssh-agent:${socket}`, query.replaceAll('+', '%2B'), ['key'])
  if (given instanceof Wrong) return given
  const key = given.get('key') ?? ''
  const publicKey = Buffer.from(key, 'base64')
  if (key === '' || publicKey.toString('base64') !== key) return new Wrong(`has a key that is not base64. ${form}`)
  return { kind: 'ssh-agent', socket, publicKey }
}

function readWitnesses(text: string): WitnessPlace[] | Wrong {
  const places: WitnessPlace[] = []
  for (const part of text.split(',').map((each) => each.trim())) {
    const place = readWitness(part)
    if (place instanceof Wrong) return place
    const name = nameOfWitness(place)
    if (places.some((other) => nameOfWitness(other) === name)) return new Wrong(`names ${name} twice. Keep one`)
    const other = places.find((one) => isOneBucket(one, place) && one.administeredBy !== place.administeredBy)
    if (other)
      return new Wrong(
        `says that ${other.administeredBy} administers the bucket of ${name}, and ${place.administeredBy} too: that is one witness. Keep one`,
      )
    places.push(place)
  }
  return places
}

function isOneBucket(one: WitnessPlace, other: WitnessPlace): boolean {
  if (one.kind === 'file' || other.kind === 'file') return false
  return one.bucket === other.bucket && hrefOf(one.endpoint) === hrefOf(other.endpoint)
}

/** One address is written in several ways: with a slash at its end, with its usual port, in capitals. */
function hrefOf(endpoint: string | null): string | null {
  return endpoint === null ? null : new URL(endpoint).href
}

/** What it is called where people read it: its kind and its place, and nothing about how it is entered. */
export function nameOfWitness(place: WitnessPlace): string {
  if (place.kind === 'file') return `file:${place.path}`
  return `s3:${place.bucket}${place.prefix === '' ? '' : `/${place.prefix}`}`
}

function readWitness(part: string): WitnessPlace | Wrong {
  const [, kind = '', rest = ''] = /^([a-z0-9-]{1,20}):(.*)$/is.exec(part) ?? []
  if (kind === 's3') return readS3Place(rest)
  const [, path, query] = kind === 'file' ? (/^(\/[^\s,?]+)(?:\?(.*))?$/.exec(rest) ?? []) : []
  if (path === undefined) {
    const what = kind === '' || kind === 'file' ? 'an entry that names no witness' : `a witness of the kind "${kind}"`
    return new Wrong(
      `has ${what}. Accepted are, divided by commas: file:/absolute/path, s3:bucket/prefix?region=…&retention=7y&administrator=…`,
    )
  }
  const given = readQuery(`file:${path}`, query ?? '', ['administrator'])
  if (given instanceof Wrong) return given
  return { kind: 'file', path: resolve(path), administeredBy: given.get('administrator') ?? ITS_OWN_OPERATOR }
}

/**
 * A bucket as `WITNESSES` and the command line name it, without `s3:` before it.
 * @param forReading an auditor who reads needs no retention and names no administrator
 */
export function readS3Place(text: string, forReading = false): S3Place | Wrong {
  const [, bucket = '', prefix = '', query = ''] = /^([^/?]*)\/?([^?]*?)\/?(?:\?(.*))?$/s.exec(text) ?? []
  const name = `s3:${bucket}`
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    return new Wrong('has an s3 entry without a good bucket name. Write s3:bucket or s3:bucket/prefix')
  }
  if (prefix !== '' && !/^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(prefix)) {
    return new Wrong(
      `has ${name} with a prefix that is none. Write one of letters, digits, dashes and dots, such as ${name}/countersign`,
    )
  }
  const given = readQuery(name, query, ['region', 'endpoint', 'retention', 'administrator'])
  if (given instanceof Wrong) return given
  const region = given.get('region')
  if (region === undefined || !/^[a-z0-9-]{1,40}$/.test(region)) {
    return new Wrong(`has ${name} without a region. Add region=eu-central-1, or where the bucket is`)
  }
  const endpoint = given.get('endpoint') ?? null
  if (endpoint !== null && !isSafeEndpoint(endpoint)) {
    return new Wrong(
      `has ${name} with an endpoint that is no plain https address. Write endpoint=https://s3.example.com`,
    )
  }
  const retentionMs = readRetention(given.get('retention'))
  if (retentionMs === null && (!forReading || given.has('retention'))) {
    return new Wrong(
      `has ${name} without a good retention, the time for which nobody can delete what is kept there. Add retention=7y, or a number of days such as retention=2555d`,
    )
  }
  const administeredBy = given.get('administrator')
  if (administeredBy === undefined && !forReading) {
    return new Wrong(
      `has ${name} without an administrator. Say who administers the bucket, such as administrator=Internal+Audit: auditors are told`,
    )
  }
  return {
    ...{ kind: 's3', bucket, prefix, region, endpoint, retentionMs: retentionMs ?? 0 },
    administeredBy: administeredBy ?? '',
  }
}

/** Each setting once, and none that is not known: what is misspelt must not silently not count. */
function readQuery(name: string, query: string, known: readonly string[]): Map<string, string> | Wrong {
  const given = new Map<string, string>()
  for (const [key, value] of new URLSearchParams(query)) {
    if (!known.includes(key)) return new Wrong(`has ${name} with "${key}". It takes ${known.join(', ')}`)
    if (given.has(key)) return new Wrong(`has ${name} with ${key} twice. Keep one`)
    if (value.trim() === '' || /\p{Cc}/u.test(value))
      return new Wrong(`has ${name} with nothing good for ${key}. Write what stands for it, or leave it out`)
    given.set(key, value.trim())
  }
  return given
}

/** Years or days, as retention is spoken of; at most the hundred years that S3 takes. */
function readRetention(text: string | undefined): number | null {
  const [, count = '', unit] = /^(\d{1,5})([yd])$/.exec(text ?? '') ?? []
  const days = Math.ceil(Number(count) * (unit === 'y' ? DAYS_A_YEAR : 1))
  return days >= 1 && days <= MOST_DAYS ? days * DAY : null
}

function isSafeEndpoint(text: string): boolean {
  const url = urlOf(text)
  if (url === null || holdsMore(url)) return false
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

function readSecret(text: string): string | Wrong {
  return /^[\x21-\x7e]+$/.test(text)
    ? text
    : new Wrong('holds a blank or a sign that no such secret has. Copy it again')
}

/** Whoever has it says who people are: it must not be guessed. */
function readToken(text: string): string | Wrong {
  if (text.length < 32) return new Wrong('is shorter than 32 characters. Make one with: openssl rand -base64 48')
  return text.length > 4096 ? new Wrong('is longer than 4096 characters. Make a shorter one') : readSecret(text)
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

/** Than a place and a path. A question mark or a hash with nothing after it is not seen in their parts. */
function holdsMore({ username, password, href }: URL): boolean {
  return username !== '' || password !== '' || /[?#]/.test(href)
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

/** What cannot stand there: words that follow the name of the variable. */
export class Wrong {
  readonly why: string
  constructor(why: string) {
    this.why = why
  }
}

import { accessSync, constants, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import {
  DEFAULT_ORIGIN,
  DEFAULT_VERIFY_SCHEDULE,
  ITS_OWN_OPERATOR,
  isLoopback,
  nameOfWitness,
  type OtherMacFile,
  type SignerPlace,
  SLACK,
  TEAMS,
  VARIABLES,
  type Values,
  type WitnessPlace,
} from './config-variables.ts'
import { nearest } from './policy/did-you-mean.ts'
import { isSecretReference } from './policy/secret-reference.ts'

/**
 * Reads the environment, which nothing else in `src/` does. All faults come at once, each with the next
 * step and never with the value of a secret; warnings stop nothing.
 */
export function readConfig(environment: Environment = process.env): ConfigReading {
  const { values, faults } = readVariables(environment)
  const isSet = (name: string) => textOf(environment, name) !== undefined
  const production = isSet('DATABASE_URL')
  const realChat = [...SLACK, ...TEAMS].some(isSet)

  const missing = (name: string, why: string, remedy: string) => {
    if (!isSet(name)) faults.push(`${name} is missing: ${why}. ${remedy}`)
  }
  if (production) {
    const signingFile = isSet('SIGNER') ? [] : ['SIGNING_KEY_FILE']
    for (const name of [...signingFile, 'MAC_KEY_FILE', 'SECRETS_KEY_FILE']) {
      missing(
        name,
        'with DATABASE_URL no key is made up',
        `Make one, keep it outside the database, and set ${name} to its path`,
      )
      faults.push(...faultsOfFile(name, textOf(environment, name)))
    }
  } else {
    for (const name of ['DATABASE_SEALER_URL', 'DATABASE_OWNER_URL'].filter(isSet)) {
      faults.push(`${name} is set without DATABASE_URL. Set DATABASE_URL too, or leave ${name} out`)
    }
  }
  if (isSet('SIGNER') && isSet('SIGNING_KEY_FILE')) {
    faults.push('SIGNER and SIGNING_KEY_FILE are both set, and a log has one key. Unset one')
  }
  if (isSet('NEXT_SIGNER') && isSet('NEXT_SIGNING_KEY_FILE')) {
    faults.push('NEXT_SIGNER and NEXT_SIGNING_KEY_FILE are both set, and one key comes next. Unset one')
  }
  for (const { path } of values.OTHER_MAC_KEY_FILES ?? []) faults.push(...faultsOfFile('OTHER_MAC_KEY_FILES', path))
  faults.push(...faultsOfFile('NEXT_SIGNING_KEY_FILE', textOf(environment, 'NEXT_SIGNING_KEY_FILE')))
  if (production || realChat) {
    missing('POLICY_FILE', 'the policy of the demo is for the demo alone', 'Start from docs/policy.example.yaml')
  }
  faults.push(...faultsOfFile('POLICY_FILE', textOf(environment, 'POLICY_FILE')))
  if (SLACK.some(isSet)) {
    missing('SLACK_BOT_TOKEN', 'other settings of Slack are there', 'Set it, or leave them all out')
    if (!isSet('SLACK_APP_TOKEN')) {
      missing(
        'SLACK_SIGNING_SECRET',
        'without it nothing shows that a message comes from Slack',
        'Take it from the app’s page',
      )
    }
  }
  if (TEAMS.some(isSet)) {
    for (const name of ['TEAMS_APP_ID', 'TEAMS_APP_PASSWORD', 'TEAMS_TENANT_IDS']) {
      missing(name, 'other settings of Teams are there', 'Set it, or leave them all out')
    }
  }
  const scimToken = readScimToken(values, faults)
  if (realChat)
    missing('PUBLIC_URL', 'links in chat lead there', 'Set it to the https address that people reach this at')
  const host = values.HOST ?? '127.0.0.1'
  if (!realChat && !isLoopback(host)) {
    faults.push(
      `HOST=${host} opens the local page to others, and there anyone may act as anyone. Set HOST=127.0.0.1, or configure Slack or Teams`,
    )
  }
  const warnings = warningsOf(environment, isSet)
  return faults.length > 0
    ? { faults, warnings }
    : { config: build(values, production, realChat, host, scimToken), warnings }
}

/** What `migrate` needs, and no more: whoever owns the database need not hold the keys. */
export function readMigrationPlace(
  environment: Environment = process.env,
): { readonly place: DatabasePlace } | { readonly faults: readonly string[] } {
  const names = ['DATA_DIR', 'DATABASE_URL', 'DATABASE_OWNER_URL']
  const { values, faults } = readVariables(Object.fromEntries(names.map((name) => [name, environment[name]])))
  if (faults.length > 0) return { faults }
  const url = values.DATABASE_OWNER_URL ?? values.DATABASE_URL
  return { place: url === undefined ? { kind: 'embedded', dataDir: dataDirOf(values) } : { kind: 'url', url } }
}

/** The settings that are not secret, for the record of a start. */
export function settingsForRecord(config: Config): Record<string, unknown> {
  const { database, keys, slack, teams, scim, ...rest } = config
  return {
    ...rest,
    scim: scim !== null,
    keys: { ...keys, signer: agentOf(keys.signer), nextSigner: agentOf(keys.nextSigner) },
    witnesses: config.witnesses.map(nameOfWitness),
    database:
      database.kind === 'embedded'
        ? 'embedded'
        : {
            url: placeOf(database.url),
            sealerUrl: database.sealerUrl === undefined ? null : placeOf(database.sealerUrl),
            ownerUrl: database.ownerUrl === undefined ? null : placeOf(database.ownerUrl),
          },
    slack: slack && { apiUrl: slack.apiUrl, socketMode: slack.appToken !== null },
    teams: teams && { appId: teams.appId, tenantIds: teams.tenantIds },
  }
}

function agentOf(signer: SignerPlace | null): string | null {
  return signer && `${signer.kind}:${signer.socket}`
}

/**
 * The secret that a reference of the policy stands for. Read at every call, so that a rotated file counts.
 * @param known what is set by ourselves, such as the address of the demo's target
 * @throws SecretUnavailable which names the reference and never what it found
 */
export function resolveSecret(
  reference: string,
  known: Environment = {},
  environment: Environment = process.env,
): string {
  // Not named in the message: whoever wrote the secret itself here must not find it in a log.
  if (!isSecretReference(reference)) throw new SecretUnavailable('A secret is not named as env:NAME or file:/path')
  const name = reference.slice(reference.indexOf(':') + 1)
  if (reference.startsWith('env:')) {
    const value = textOf(known, name) ?? textOf(environment, name)
    if (value === undefined) throw new SecretUnavailable(`${reference}: the variable is not set. Set ${name}`)
    return value
  }
  let text: string
  try {
    text = readFileSync(name, 'utf8').trim()
  } catch (cause) {
    throw new SecretUnavailable(`${reference}: the file cannot be read. Check that it is there and readable`, { cause })
  }
  if (text === '') throw new SecretUnavailable(`${reference}: the file is empty. Put the secret into it`)
  return text
}

export class SecretUnavailable extends Error {
  readonly code = 'SECRET_UNAVAILABLE'
  override name = 'SecretUnavailable'
}

export interface Config {
  /** `demo`: our own embedded PostgreSQL, keys made when missing. `production`: your database, your keys. */
  readonly mode: 'demo' | 'production'
  readonly host: string
  readonly port: number
  /** Where people reach us, without a trailing slash. */
  readonly publicUrl: string
  readonly dataDir: string
  readonly policyFile: string
  readonly database: DatabasePlace
  readonly keys: KeyPlaces
  readonly logOrigin: string
  readonly witnesses: readonly WitnessPlace[]
  /** When the whole record is checked: five fields of cron, in the policy's zone. */
  readonly verifySchedule: string
  /** The page where anyone acts as anyone: on loopback alone, and only while no real chat is configured. */
  readonly localPage: boolean
  /** A directory pushes people with this token; null for none. */
  readonly scim: { readonly token: string } | null
  readonly slack: SlackSettings | null
  readonly teams: TeamsSettings | null
}

export type DatabasePlace =
  | { readonly kind: 'embedded'; readonly dataDir: string }
  | { readonly kind: 'url'; readonly url: string; readonly sealerUrl?: string; readonly ownerUrl?: string }

export interface KeyPlaces {
  readonly signingFile: string
  /** In place of the file. */
  readonly signer: SignerPlace | null
  /** The key that `record new-signer` lets follow; null for none. */
  readonly nextSigningFile: string | null
  /** In place of that file. */
  readonly nextSigner: SignerPlace | null
  readonly macFile: string
  /** The MAC key that comes next, or those of before: they are read with, not written with. */
  readonly otherMacFiles: readonly OtherMacFile[]
  readonly secretsFile: string
  /** In the demo a missing key is made. Elsewhere every replica would make its own. */
  readonly createMissing: boolean
}

export interface SlackSettings {
  readonly botToken: string
  /** Null with Socket Mode alone. */
  readonly signingSecret: string | null
  readonly appToken: string | null
  readonly apiUrl: string | null
}

export interface TeamsSettings {
  readonly appId: string
  readonly appPassword: string
  readonly tenantIds: readonly string[]
  readonly openIdMetadataUrl: string | null
  readonly loginUrl: string | null
  /** Threads are read back from Microsoft Graph. */
  readonly readThreads: boolean
  readonly graphUrl: string | null
}

export type ConfigReading =
  | { readonly config: Config; readonly warnings: readonly string[] }
  | { readonly faults: readonly string[]; readonly warnings: readonly string[] }

export type Environment = Readonly<Record<string, string | undefined>>

const DEMO_POLICY = resolve(import.meta.dirname, '../demo/policy.yaml')

/** Null when no directory pushes people. */
function readScimToken(values: Values, faults: string[]): string | null {
  const { SCIM_TOKEN: token, SCIM_TOKEN_FILE: file } = values
  if (token !== undefined && file !== undefined) {
    faults.push('SCIM_TOKEN and SCIM_TOKEN_FILE are both set. Keep one')
  }
  if (file === undefined) return token ?? null
  const unreadable = faultsOfFile('SCIM_TOKEN_FILE', file)
  faults.push(...unreadable)
  if (unreadable.length > 0) return null
  const read = VARIABLES.SCIM_TOKEN.safeParse(readFileSync(file, 'utf8').trim())
  if (read.success) return read.data
  faults.push(...read.error.issues.map((issue) => `SCIM_TOKEN_FILE=${file} ${issue.message}`))
  return null
}

function build(values: Values, production: boolean, realChat: boolean, host: string, scimToken: string | null): Config {
  const dataDir = dataDirOf(values)
  const port = values.PORT ?? 3000
  return {
    mode: production ? 'production' : 'demo',
    host,
    port,
    publicUrl: values.PUBLIC_URL ?? `http://localhost:${port}`,
    dataDir,
    policyFile: values.POLICY_FILE ?? DEMO_POLICY,
    database:
      values.DATABASE_URL === undefined
        ? { kind: 'embedded', dataDir }
        : {
            kind: 'url',
            url: values.DATABASE_URL,
            ...(values.DATABASE_SEALER_URL !== undefined && { sealerUrl: values.DATABASE_SEALER_URL }),
            ...(values.DATABASE_OWNER_URL !== undefined && { ownerUrl: values.DATABASE_OWNER_URL }),
          },
    keys: {
      signingFile: resolve(values.SIGNING_KEY_FILE ?? `${dataDir}/keys/signing.pem`),
      signer: values.SIGNER ?? null,
      nextSigningFile: values.NEXT_SIGNING_KEY_FILE ?? null,
      nextSigner: values.NEXT_SIGNER ?? null,
      macFile: resolve(values.MAC_KEY_FILE ?? `${dataDir}/keys/mac.hex`),
      otherMacFiles: values.OTHER_MAC_KEY_FILES ?? [],
      secretsFile: resolve(values.SECRETS_KEY_FILE ?? `${dataDir}/keys/secrets.hex`),
      createMissing: !production,
    },
    logOrigin: values.LOG_ORIGIN ?? DEFAULT_ORIGIN,
    verifySchedule: values.VERIFY_SCHEDULE ?? DEFAULT_VERIFY_SCHEDULE,
    witnesses: values.WITNESSES ?? [
      { kind: 'file', path: resolve(dataDir, 'witness', 'checkpoints'), administeredBy: ITS_OWN_OPERATOR },
    ],
    localPage: !realChat,
    scim: scimToken === null ? null : { token: scimToken },
    slack:
      values.SLACK_BOT_TOKEN === undefined
        ? null
        : {
            botToken: values.SLACK_BOT_TOKEN,
            signingSecret: values.SLACK_SIGNING_SECRET ?? null,
            appToken: values.SLACK_APP_TOKEN ?? null,
            apiUrl: values.SLACK_API_URL ?? null,
          },
    teams:
      values.TEAMS_APP_ID === undefined || values.TEAMS_APP_PASSWORD === undefined
        ? null
        : {
            appId: values.TEAMS_APP_ID,
            appPassword: values.TEAMS_APP_PASSWORD,
            tenantIds: values.TEAMS_TENANT_IDS ?? [],
            openIdMetadataUrl: values.TEAMS_OPENID_METADATA_URL ?? null,
            loginUrl: values.TEAMS_LOGIN_URL ?? null,
            readThreads: values.TEAMS_READ_THREADS === 'on',
            graphUrl: values.TEAMS_GRAPH_URL ?? null,
          },
  }
}

function dataDirOf(values: Values): string {
  return resolve(values.DATA_DIR ?? '.data')
}

/** Every variable on its own. What is set but wrong is a fault, and missing from the values. */
function readVariables(environment: Environment): { values: Values; faults: string[] } {
  const faults: string[] = []
  const entries = Object.entries(VARIABLES).flatMap(([name, schema]) => {
    const text = textOf(environment, name)
    if (text === undefined) return []
    const result = schema.safeParse(text)
    if (result.success) return [[name, result.data] as const]
    faults.push(...result.error.issues.map((issue) => `${name} ${issue.message}`))
    return []
  })
  return { values: Object.fromEntries(entries) as Values, faults }
}

/** A variable set to nothing is not set: that is how compose files and shells leave one out. */
function textOf(environment: Environment, name: string): string | undefined {
  const text = environment[name]?.trim()
  return text === '' ? undefined : text
}

function faultsOfFile(name: string, path: string | undefined): string[] {
  if (path === undefined) return []
  try {
    accessSync(path, constants.R_OK)
    return []
  } catch {
    return [`${name}=${path} cannot be read. Check that the file is there and that this user may read it`]
  }
}

/** Variables that are almost one of ours: without a word, the setting would silently not count. */
function warningsOf(environment: Environment, isSet: (name: string) => boolean): string[] {
  const names = Object.keys(VARIABLES)
  const misspelt = Object.keys(environment).flatMap((name) => {
    if (names.includes(name) || name.length < 8) return []
    const meant = nearest(name, names, 1)
    return meant === null || isSet(meant) ? [] : [`${name} is not read. Did you mean ${meant}?`]
  })
  if (!isSet('DATABASE_URL')) return misspelt
  const warnings = [...misspelt]
  if (!isSet('LOG_ORIGIN')) {
    warnings.push(
      `LOG_ORIGIN is not set, so the log is called ${DEFAULT_ORIGIN}. Give it a name of your own before first use`,
    )
  }
  if (![...SLACK, ...TEAMS].some(isSet)) {
    warnings.push(
      'Neither Slack nor Teams is configured: on the local page anyone on this machine may act as anyone. Configure one',
    )
  }
  return warnings
}

/** Where a database is, without who enters it: what may be shown. */
function placeOf(databaseUrl: string): string {
  const { protocol, host, pathname } = new URL(databaseUrl)
  return `${protocol}//${host}${pathname}`
}

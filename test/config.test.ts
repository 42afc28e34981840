import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { type Config, type Environment, readConfig, resolveSecret, settingsForRecord } from '../src/config.ts'

const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'))
const file = (name: string, text = 'x\n') => {
  writeFileSync(join(folder, name), text)
  return join(folder, name)
}

afterAll(() => rmSync(folder, { recursive: true }))

const PRODUCTION = {
  DATABASE_URL: 'postgres://app:hunter2@db.example.com:5432/countersign',
  SIGNING_KEY_FILE: file('signing.pem'),
  MAC_KEY_FILE: file('mac.hex'),
  SECRETS_KEY_FILE: file('secrets.hex'),
  POLICY_FILE: file('policy.yaml'),
  LOG_ORIGIN: 'example.com/countersign',
}
const SLACK = {
  SLACK_BOT_TOKEN: 'xoxb-hunter2',
  SLACK_SIGNING_SECRET: 'hunter2signing',
  PUBLIC_URL: 'https://access.example.com',
}
const TEAMS = {
  TEAMS_APP_ID: '0c9b7f5e-1d2a-4c3b-8e4f-5a6b7c8d9e0f',
  TEAMS_APP_PASSWORD: 'hunter2teams',
  TEAMS_TENANT_IDS: '7B0E5A3C-54d6-4a7e-9a8d-0f4f1f3c2b11',
  PUBLIC_URL: 'https://access.example.com',
}

describe('with nothing configured', () => {
  it('is the demo: embedded PostgreSQL, the local page, loopback, keys made when missing', () => {
    expect(configOf({ PATH: '/bin', DATABASE_URL: '', PORT: '  ' })).toEqual({
      mode: 'demo',
      host: '127.0.0.1',
      port: 3000,
      publicUrl: 'http://localhost:3000',
      dataDir: resolve('.data'),
      policyFile: resolve('demo/policy.yaml'),
      database: { kind: 'embedded', dataDir: resolve('.data') },
      keys: {
        signingFile: resolve('.data/keys/signing.pem'),
        macFile: resolve('.data/keys/mac.hex'),
        secretsFile: resolve('.data/keys/secrets.hex'),
        signer: null,
        nextSigningFile: null,
        nextSigner: null,
        otherMacFiles: [],
        createMissing: true,
      },
      logOrigin: 'countersign.local/log',
      verifySchedule: '17 3 * * *',
      witnesses: [
        { kind: 'file', path: resolve('.data/witness/checkpoints'), administeredBy: 'whoever runs this process' },
      ],
      localPage: true,
      scim: null,
      slack: null,
      teams: null,
    })
  })
})

it('listens on an IPv6 address, with brackets or without', () => {
  for (const HOST of ['::1', '[::1]']) expect(configOf({ HOST }).host).toBe('::1')
  for (const HOST of ['[::1', '::1]', '[]']) expect(faultsOf({ HOST })).toEqual([expect.stringMatching(/^HOST is/)])
})

describe('with a database', () => {
  it('runs with one URL for all, and with one for each role', () => {
    expect(configOf(PRODUCTION)).toMatchObject({
      mode: 'production',
      database: { kind: 'url', url: PRODUCTION.DATABASE_URL },
      keys: { signingFile: PRODUCTION.SIGNING_KEY_FILE, createMissing: false },
      localPage: true,
    })
    const sealer = 'postgres://sealer:x@db/countersign'
    expect(configOf({ ...PRODUCTION, DATABASE_SEALER_URL: sealer }).database).toEqual({
      kind: 'url',
      url: PRODUCTION.DATABASE_URL,
      sealerUrl: sealer,
    })
  })

  it('takes any sign in a password, written as an address has it', () => {
    for (const sign of '/?#@%:+= ä[]') {
      const url = `postgres://app:${encodeURIComponent(`${sign}hunter2${sign}`)}@[fd00::5]:5432/countersign?sslmode=require`
      expect(configOf({ ...PRODUCTION, DATABASE_URL: url }).database).toEqual({ kind: 'url', url })
    }
  })

  it.each(['/hunter2', '12/hunter2', '?hunter2', '#hunter2', 'hunter2%', 'hunter2%E4'])(
    'refuses the password %j, which an address reads otherwise, and does not show it',
    (password) => {
      const faults = faultsOf({ ...PRODUCTION, DATABASE_URL: `postgres://app:${password}@db/x` })
      expect(faults).toEqual([expect.stringMatching(/^DATABASE_URL holds a sign.*\. In user, password/)])
      expect(faults[0]).not.toContain('hunter2')
    },
  )

  it('refuses to start without keys and without a policy of its own, all said at once', () => {
    const faults = faultsOf({ DATABASE_URL: PRODUCTION.DATABASE_URL })
    expect(faults.map((fault) => fault.split(' ')[0])).toEqual([
      'SIGNING_KEY_FILE',
      'MAC_KEY_FILE',
      'SECRETS_KEY_FILE',
      'POLICY_FILE',
    ])
  })

  it('asks for the keys even when the URL is wrong, and does not fall back to the demo', () => {
    expect(faultsOf({ DATABASE_URL: 'mysql://db' })).toHaveLength(5)
  })

  it('warns that the log has no name of its own, and that anyone on the machine may act as anyone', () => {
    const { LOG_ORIGIN: _, ...rest } = PRODUCTION
    expect(readConfig(rest).warnings).toEqual([
      expect.stringMatching(/^LOG_ORIGIN is not set/),
      expect.stringMatching(/^Neither Slack nor Teams/),
    ])
    expect(readConfig({ ...PRODUCTION, ...SLACK }).warnings).toEqual([])
  })
})

describe('with real chat', () => {
  it.each([
    ['Slack', SLACK],
    ['Teams', TEAMS],
  ])('%s has no local page, and may listen to others', (_, chat) => {
    expect(configOf({ ...PRODUCTION, ...chat, HOST: '0.0.0.0' })).toMatchObject({ localPage: false, host: '0.0.0.0' })
  })

  it('reads all of Slack', () => {
    const config = configOf({
      ...PRODUCTION,
      ...SLACK,
      SLACK_APP_TOKEN: 'xapp-1',
      SLACK_API_URL: 'http://127.0.0.1:4000/api/',
    })
    expect(config.slack).toEqual({
      botToken: SLACK.SLACK_BOT_TOKEN,
      signingSecret: SLACK.SLACK_SIGNING_SECRET,
      appToken: 'xapp-1',
      apiUrl: 'http://127.0.0.1:4000/api/',
    })
    expect(config.teams).toBeNull()
  })

  it('reads all of Teams', () => {
    const config = configOf({
      ...PRODUCTION,
      ...TEAMS,
      TEAMS_LOGIN_URL: 'http://localhost:4001/login',
      TEAMS_TENANT_IDS: 'T1, t1,T2',
      TEAMS_READ_THREADS: 'on',
    })
    expect(config.teams).toEqual({
      appId: TEAMS.TEAMS_APP_ID,
      appPassword: TEAMS.TEAMS_APP_PASSWORD,
      tenantIds: ['t1', 't2'],
      openIdMetadataUrl: null,
      loginUrl: 'http://localhost:4001/login',
      readThreads: true,
      graphUrl: null,
    })
    expect(config.slack).toBeNull()
  })

  it('is both at once where both are set, and neither of them by halves', () => {
    const config = configOf({ ...PRODUCTION, ...SLACK, ...TEAMS })
    expect(config).toMatchObject({ localPage: false, slack: { apiUrl: null }, teams: { loginUrl: null } })
    expect(faultsOf({ ...PRODUCTION, ...SLACK, TEAMS_APP_ID: 'x', PORT: 'y' }).length).toBe(3)
  })

  it('needs no signing secret with Socket Mode', () => {
    const { SLACK_SIGNING_SECRET: _, ...rest } = SLACK
    expect(configOf({ ...PRODUCTION, ...rest, SLACK_APP_TOKEN: 'xapp-1' }).slack?.signingSecret).toBeNull()
    expect(faultsOf({ ...PRODUCTION, ...rest })).toEqual([expect.stringMatching(/^SLACK_SIGNING_SECRET is missing/)])
  })

  it('needs a policy of its own even on the embedded database', () => {
    expect(faultsOf(SLACK)).toEqual([expect.stringMatching(/^POLICY_FILE is missing/)])
  })

  it('is never half configured', () => {
    expect(faultsOf({ ...PRODUCTION, TEAMS_APP_ID: 'x' }).map((fault) => fault.split(' ')[0])).toEqual([
      'TEAMS_APP_PASSWORD',
      'TEAMS_TENANT_IDS',
      'PUBLIC_URL',
    ])
    expect(faultsOf({ ...PRODUCTION, SLACK_API_URL: 'https://slack.com/api/' })).toHaveLength(3)
  })
})

describe('a wrong setting', () => {
  it.each<[Environment, RegExp]>([
    [{ PORT: '0' }, /^PORT is "0".*1 to 65535/],
    [{ PORT: '65536' }, /^PORT is "65536"/],
    [{ PORT: '3000x' }, /^PORT is "3000x"/],
    [{ PORT: '-1' }, /^PORT/],
    [{ HOST: '0.0.0.0' }, /^HOST=0\.0\.0\.0 opens the local page.*HOST=127\.0\.0\.1/],
    [{ HOST: '192.168.1.5' }, /^HOST=/],
    [{ HOST: '127.evil.example' }, /^HOST=/],
    [{ HOST: 'a b' }, /^HOST is "a b"/],
    [{ PUBLIC_URL: 'access.example.com' }, /^PUBLIC_URL is not an address/],
    [{ PUBLIC_URL: 'http://access.example.com' }, /^PUBLIC_URL .*Use https/],
    [{ PUBLIC_URL: 'https://u:p@access.example.com' }, /^PUBLIC_URL holds more/],
    [{ PUBLIC_URL: 'https://access.example.com/?' }, /^PUBLIC_URL holds more/],
    [{ PUBLIC_URL: 'https://access.example.com/#' }, /^PUBLIC_URL holds more/],
    [{ POLICY_FILE: '/nowhere/policy.yaml' }, /^POLICY_FILE=\/nowhere\/policy\.yaml cannot be read/],
    [{ ...PRODUCTION, SIGNING_KEY_FILE: '/nowhere/key' }, /^SIGNING_KEY_FILE=\/nowhere\/key cannot be read/],
    [{ DATABASE_SEALER_URL: 'postgres://db/x' }, /^DATABASE_SEALER_URL is set without DATABASE_URL/],
    [{ ...PRODUCTION, DATABASE_OWNER_URL: 'https://db' }, /^DATABASE_OWNER_URL is not the address of a PostgreSQL/],
    [{ VERIFY_SCHEDULE: 'daily' }, /^VERIFY_SCHEDULE is "daily", not a schedule/],
    [{ LOG_ORIGIN: 'my log' }, /^LOG_ORIGIN is "my log"/],
    [{ LOG_ORIGIN: 'my\u0001log' }, /^LOG_ORIGIN is/],
    [{ WITNESSES: 'gcs:bucket' }, /^WITNESSES has a witness of the kind "gcs".*file:\/absolute\/path, s3:bucket/],
    [{ WITNESSES: 's3:' }, /^WITNESSES has an s3 entry without a good bucket name/],
    [{ WITNESSES: 's3:audit' }, /^WITNESSES has s3:audit without a region/],
    [{ WITNESSES: 's3:audit/../x?region=r' }, /^WITNESSES has s3:audit with a prefix/],
    [{ WITNESSES: 's3:audit?region=eu-1' }, /^WITNESSES has s3:audit without a good retention/],
    [{ WITNESSES: 's3:audit?region=eu-1&retention=7' }, /^WITNESSES has s3:audit without a good retention/],
    [{ WITNESSES: 's3:audit?region=eu-1&retention=101y' }, /^WITNESSES has s3:audit without a good retention/],
    [{ WITNESSES: 's3:audit?region=eu-1&retention=7y' }, /^WITNESSES has s3:audit without an administrator/],
    [{ WITNESSES: 's3:audit?region=eu-1&region=eu-2' }, /^WITNESSES has s3:audit with region twice/],
    [{ WITNESSES: 's3:audit?secret=x' }, /^WITNESSES has s3:audit with "secret". It takes region, endpoint/],
    [{ WITNESSES: 's3:audit?region=eu-1&endpoint=http://s3.example.com' }, /^WITNESSES .* no plain https address/],
    [{ WITNESSES: 'file:/a?administrator=' }, /^WITNESSES has file:\/a with nothing good for administrator/],
    [{ WITNESSES: 'file:relative' }, /^WITNESSES has an entry that names no witness/],
    [{ WITNESSES: 'file:/a,file:/a' }, /^WITNESSES names file:\/a twice/],
    [{ WITNESSES: 'file:/a/b,file:/a//./b?administrator=Audit' }, /^WITNESSES names file:\/a\/b twice/],
    [{ WITNESSES: 'file:/a,' }, /^WITNESSES/],
    [
      { WITNESSES: ['a', 'b'].map((x) => `s3:audit/${x}?region=r&retention=7y&administrator=${x}`).join(',') },
      /^WITNESSES says that a administers the bucket of s3:audit\/b, and b too/,
    ],
    ...['https://s3.example/', 'https://S3.example', 'https://s3.example:443'].map(
      (endpoint): [Environment, RegExp] => {
        const at = (x: string, server: string) =>
          `s3:audit/${x}?region=r&retention=7y&administrator=${x}&endpoint=${server}`
        return [
          { WITNESSES: `${at('a', 'https://s3.example')},${at('b', endpoint)}` },
          /^WITNESSES says that a administers/,
        ]
      },
    ),
    [{ ...PRODUCTION, ...SLACK, SLACK_BOT_TOKEN: 'xapp-1' }, /^SLACK_BOT_TOKEN is not the token of a bot/],
    [{ ...PRODUCTION, ...SLACK, SLACK_APP_TOKEN: 'xoxb-1' }, /^SLACK_APP_TOKEN is the token of the bot/],
    [{ ...PRODUCTION, ...SLACK, SLACK_API_URL: 'http://slack.example.com' }, /^SLACK_API_URL is no plain https/],
    [{ ...PRODUCTION, ...SLACK, SLACK_API_URL: 'https://u:p@slack.com/api/' }, /^SLACK_API_URL is no plain https/],
    [{ ...PRODUCTION, ...TEAMS, TEAMS_LOGIN_URL: 'https://login.example.com' }, /^TEAMS_LOGIN_URL is for test servers/],
    [
      { ...PRODUCTION, ...TEAMS, TEAMS_OPENID_METADATA_URL: 'http://127.0.0.1.evil.example' },
      /^TEAMS_OPENID_METADATA_URL/,
    ],
    [{ ...PRODUCTION, ...TEAMS, TEAMS_TENANT_IDS: 'common' }, /^TEAMS_TENANT_IDS has "common"/],
  ])('%j is the one fault, with the next step', (environment, fault) => {
    const faults = faultsOf(environment)
    expect(faults).toEqual([expect.stringMatching(fault)])
    expect(faults[0]).toMatch(/\. \S/)
  })

  it('is named together with all others', () => {
    const faults = faultsOf({
      PORT: 'x',
      HOST: '0.0.0.0',
      LOG_ORIGIN: 'a b',
      WITNESSES: 'ftp:x',
      SLACK_APP_TOKEN: 'x y',
    })
    expect(faults.map((fault) => fault.split(/[ =]/)[0]).sort()).toEqual(
      ['LOG_ORIGIN', 'PORT', 'POLICY_FILE', 'PUBLIC_URL', 'SLACK_APP_TOKEN', 'SLACK_BOT_TOKEN', 'WITNESSES'].sort(),
    )
  })

  it('is not echoed when it may be a secret', () => {
    const faults = faultsOf({
      ...TEAMS,
      DATABASE_URL: 'mysql://u:hunter2@db',
      DATABASE_SEALER_URL: 'hunter2',
      SLACK_BOT_TOKEN: 'xoxp-hunter2',
      SLACK_SIGNING_SECRET: 'hunter2 hunter2',
      SLACK_APP_TOKEN: 'xoxb-hunter2',
      SLACK_API_URL: 'http://u:hunter2@x.example',
      TEAMS_APP_PASSWORD: 'hunter2 ',
      TEAMS_LOGIN_URL: 'https://u:hunter2@x.example',
      PUBLIC_URL: 'https://u:hunter2@x.example',
    })
    expect(faults.length).toBeGreaterThan(8)
    expect(faults.join('\n')).not.toContain('hunter2')
  })

  it('that is misspelt in its name is asked about', () => {
    expect(readConfig({ DATABASE_URI: 'x', POLICY_FILES: 'x', HOME: '/', DATABASE_NAME: 'x' }).warnings).toEqual([
      'DATABASE_URI is not read. Did you mean DATABASE_URL?',
      'POLICY_FILES is not read. Did you mean POLICY_FILE?',
    ])
  })
})

describe('WITNESSES', () => {
  it('names buckets and files, and who administers each', () => {
    const WITNESSES =
      's3:audit-log/countersign/prod?region=eu-central-1&retention=7y&administrator=Internal+Audit%2C+Basel,' +
      's3:second?region=x&retention=30d&administrator=Legal&endpoint=https://s3.example.com,file:/kept?administrator=Ops,file:/b'
    const config = configOf({ WITNESSES })
    const day = 24 * 60 * 60_000
    expect(config.witnesses).toEqual([
      {
        ...{ kind: 's3', bucket: 'audit-log', prefix: 'countersign/prod', region: 'eu-central-1', endpoint: null },
        ...{ administeredBy: 'Internal Audit, Basel', retentionMs: 2_557 * day },
      },
      {
        ...{ kind: 's3', bucket: 'second', prefix: '', region: 'x', endpoint: 'https://s3.example.com' },
        ...{ administeredBy: 'Legal', retentionMs: 30 * day },
      },
      { kind: 'file', path: '/kept', administeredBy: 'Ops' },
      { kind: 'file', path: '/b', administeredBy: 'whoever runs this process' },
    ])
    expect(settingsForRecord(config).witnesses).toEqual([
      's3:audit-log/countersign/prod',
      's3:second',
      'file:/kept',
      'file:/b',
    ])
  })
})

describe('SIGNER', () => {
  const { SIGNING_KEY_FILE: _, ...keyless } = PRODUCTION
  const SIGNER = 'ssh-agent:/run/agent.sock?key=AAAAC3NzaC1lZDI1NTE5AAAAI+//'

  it.each(['AAAAC3NzaC1lZDI1NTE5AAAAI+//', 'AAAAC3NzaC1lZDI1NTE5AAAAI//+'])(
    'takes the place of the file, with a key as it stands in a .pub file: %s',
    (key) => {
      const { signer } = configOf({ ...keyless, SIGNER: `ssh-agent:/run/agent.sock?key=${key}` }).keys
      expect(signer).toMatchObject({ kind: 'ssh-agent', socket: '/run/agent.sock' })
      expect(signer?.publicKey.toString('base64')).toBe(key)
      expect(settingsForRecord(configOf({ ...keyless, SIGNER }))).toMatchObject({
        keys: { signer: 'ssh-agent:/run/agent.sock' },
      })
    },
  )

  it('MAC keys beside it may say from which leaf on they are retired', () => {
    const { otherMacFiles } = configOf({
      ...PRODUCTION,
      OTHER_MAC_KEY_FILES: `${PRODUCTION.MAC_KEY_FILE}@12, ${PRODUCTION.MAC_KEY_FILE}`,
    }).keys
    expect(otherMacFiles.map(({ retiredAt }) => retiredAt)).toEqual([12, null])
    expect(faultsOf({ ...PRODUCTION, OTHER_MAC_KEY_FILES: '/nowhere/old.hex@12' })).toEqual([
      expect.stringMatching(/^OTHER_MAC_KEY_FILES=\/nowhere\/old.hex cannot be read/),
    ])
  })

  it('may be followed by another, which is one of two as well', () => {
    const { nextSigner, nextSigningFile } = configOf({ ...PRODUCTION, NEXT_SIGNER: SIGNER }).keys
    expect([nextSigner?.socket, nextSigningFile]).toEqual(['/run/agent.sock', null])
    expect(faultsOf({ ...PRODUCTION, NEXT_SIGNER: SIGNER, NEXT_SIGNING_KEY_FILE: '/nowhere/next.pem' })).toEqual([
      'NEXT_SIGNER and NEXT_SIGNING_KEY_FILE are both set, and one key comes next. Unset one',
      expect.stringMatching(/^NEXT_SIGNING_KEY_FILE=\/nowhere\/next.pem cannot be read/),
    ])
  })

  it('is one of two', () => {
    expect(faultsOf({ ...PRODUCTION, SIGNER })).toEqual([
      'SIGNER and SIGNING_KEY_FILE are both set, and a log has one key. Unset one',
    ])
    expect(faultsOf(keyless)).toEqual([expect.stringMatching(/^SIGNING_KEY_FILE is missing/)])
  })

  it.each(['kms:x', 'ssh-agent:agent.sock?key=AAAA', 'ssh-agent:/run/agent.sock', 'ssh-agent:/run/agent.sock?key=%25'])(
    '%s is refused with the form that is taken',
    (text) => {
      const [fault, ...more] = faultsOf({ ...keyless, SIGNER: text })
      expect(fault).toMatch(/^SIGNER .*Write ssh-agent:\/path\/of\/the\/socket\?key=…/)
      expect(more).toEqual([])
    },
  )
})

describe('settingsForRecord', () => {
  it('holds every setting but no secret', () => {
    const DATABASE_OWNER_URL = 'postgres://o:hunter2@db2/x?password=hunter2'
    const settings = settingsForRecord(configOf({ ...PRODUCTION, ...SLACK, DATABASE_OWNER_URL }))
    const ofTeams = settingsForRecord(configOf({ ...PRODUCTION, ...TEAMS, DATABASE_OWNER_URL }))
    expect(JSON.stringify([settings, ofTeams])).not.toContain('hunter2')
    expect(ofTeams).toMatchObject({ teams: { tenantIds: [TEAMS.TEAMS_TENANT_IDS.toLowerCase()] } })
    expect(settings).toMatchObject({
      mode: 'production',
      database: { url: 'postgres://db.example.com:5432/countersign', sealerUrl: null, ownerUrl: 'postgres://db2/x' },
      slack: { apiUrl: null, socketMode: false },
      witnesses: [expect.stringMatching(/^file:\//)],
    })
  })
})

describe('resolveSecret', () => {
  it('follows env: to what we set ourselves first, then to the environment', () => {
    expect(resolveSecret('env:URL', { URL: 'ours' }, { URL: 'theirs' })).toBe('ours')
    expect(resolveSecret('env:URL', {}, { URL: 'theirs' })).toBe('theirs')
  })

  it('follows file: at every call, without the line break at its end', () => {
    const path = file('secret', 'first\n')
    expect(resolveSecret(`file:${path}`)).toBe('first')
    file('secret', 'second\n')
    expect(resolveSecret(`file:${path}`)).toBe('second')
  })

  it.each([
    ['env:NOT_SET', /env:NOT_SET: the variable is not set/],
    ['file:/nowhere/secret', /file:\/nowhere\/secret: the file cannot be read/],
    [`file:${file('empty', '\n')}`, /the file is empty/],
  ])('%s says what to do', (reference, message) => {
    expect(() => resolveSecret(reference, {}, {})).toThrow(message)
  })

  it('does not repeat what is no reference: it may be the secret itself', () => {
    expect(() => resolveSecret('postgres://u:hunter2@h', {}, {})).toThrow(/^((?!hunter2).)*$/s)
  })
})

function configOf(environment: Environment): Config {
  const reading = readConfig(environment)
  if ('faults' in reading) throw new Error(reading.faults.join('\n'))
  return reading.config
}

function faultsOf(environment: Environment): readonly string[] {
  const reading = readConfig(environment)
  return 'faults' in reading ? reading.faults : []
}

describe('the token of the directory', () => {
  const GOOD = 'hunter2-and-thirty-more-characters-of-it'

  it('is taken from the environment or from a file, and is in no setting that goes on record', () => {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-config-'))
    try {
      const file = join(folder, 'token')
      writeFileSync(file, `${GOOD}\n`)
      expect(configOf({ SCIM_TOKEN: GOOD }).scim).toEqual({ token: GOOD })
      expect(configOf({ SCIM_TOKEN_FILE: file }).scim).toEqual({ token: GOOD })
      expect(JSON.stringify(settingsForRecord(configOf({ SCIM_TOKEN: GOOD })))).not.toContain('hunter2')
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    [{ SCIM_TOKEN: 'hunter2' }, /^SCIM_TOKEN is shorter than 32 characters/],
    [{ SCIM_TOKEN: `${GOOD} ${GOOD}` }, /^SCIM_TOKEN holds a blank/],
    [{ SCIM_TOKEN_FILE: '/nowhere/token' }, /^SCIM_TOKEN_FILE=.*cannot be read/],
    [{ SCIM_TOKEN: GOOD, SCIM_TOKEN_FILE: '/nowhere/token' }, /both set/],
  ])('is refused as %j, without its value', (environment, fault) => {
    const reading = readConfig(environment)
    const faults = 'faults' in reading ? reading.faults : []
    expect(faults.some((one) => fault.test(one))).toBe(true)
    expect(faults.join()).not.toContain('hunter2')
  })
})

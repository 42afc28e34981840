import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import { USUAL_DUE } from '../../src/domain/finding-due.ts'
import type { Policy } from '../../src/domain/policy.ts'
import { VERBS } from '../../src/domain/verbs.ts'
import { formatFault, type PolicyFault } from '../../src/policy/fault.ts'
import { parsePolicy } from '../../src/policy/parse-policy.ts'
import { changed, GOOD_POLICY, lineOf } from './policy-text.ts'

describe('a good policy', () => {
  const policy = policyOf(GOOD_POLICY)

  it('has its defaults in, its groups resolved and its times in milliseconds', () => {
    expect(policy.targets['prod-db']).toEqual({
      name: 'prod-db',
      description: 'Ledger',
      owners: ['E3'],
      financialReporting: false,
      channel: null,
      defaultEntitlement: 'read',
      connector: { kind: 'postgres', url: 'env:PROD_DB_URL' },
      entitlements: {
        read: {
          name: 'read',
          description: 'Read',
          level: 'read',
          grants: 'ledger_read',
          maxDurationMs: 8 * HOUR,
          maxTotalMs: 16 * HOUR,
          requesters: 'everyone',
          approvals: [{ need: 1, from: [{ kind: 'manager' }, { kind: 'owners' }] }],
          reason: { minLength: 10, maxLength: 500, pattern: null },
          denyReasonRequired: true,
          stepUp: 'none',
          stepUpStated: false,
        },
        write: {
          name: 'write',
          description: 'Write',
          level: 'write',
          grants: 'ledger_write',
          maxDurationMs: 2 * HOUR,
          maxTotalMs: 4 * HOUR,
          requesters: ['E1'],
          approvals: [
            { need: 1, from: [{ kind: 'manager' }] },
            { need: 1, from: [{ kind: 'owners' }, { kind: 'group', group: 'dba' }] },
          ],
          reason: { minLength: 15, maxLength: 500, pattern: { source: 'INC-[0-9]{1,8}', hint: 'Name the ticket' } },
          denyReasonRequired: true,
          stepUp: 'none',
          stepUpStated: false,
        },
      },
    })
    expect(policy).toMatchObject({ pendingForMs: 8 * HOUR, warnBeforeMs: 10 * MINUTE, escalateTo: ['E4'] })
    expect(policy).toMatchObject({ channel: 'access', fallbackChannel: null })
    expect(policy.hash).toMatch(/^[0-9a-f]{64}$/)
  })

  it('keeps grants for whole years, seven where nothing is said', () => {
    expect(policy.retentionYears).toBe(7)
    const said = (retention: string) => parsePolicy(`${GOOD_POLICY}\nretention: ${retention}\n`, 'policy.yaml')
    expect(said('1y')).toMatchObject({ policy: { retentionYears: 1 } })
    for (const wrong of ['0y', '18mo', '7', '-1y', '100y']) expect(said(wrong)).not.toHaveProperty('policy')
  })

  it('has findings due as usual by severity, and otherwise where it says so', () => {
    expect(policy.findingDue).toEqual(USUAL_DUE)
    const said = policyOf(
      `${GOOD_POLICY}\nfindings: { due: { low: 5d }, dueFinancial: { high: 4h }, dueOf: { grant-stuck: 2h } }\n`,
    )
    expect(said.findingDue).toEqual({
      bySeverity: { ...USUAL_DUE.bySeverity, low: 5 * DAY },
      financial: { high: 4 * HOUR },
      byCause: { 'grant-stuck': 2 * HOUR },
    })
  })

  it('knows accounts by platform, tenant and immutable id', () => {
    expect(policy.people[0]?.accounts).toEqual([
      { platform: 'local', tenant: 'local', id: 'ana' },
      { platform: 'slack', tenant: 'T01', id: 'U01' },
    ])
    const teams = '7B0E5A3C-54d6-4a7e-9a8d-0f4f1f3c2b11/0c9b7f5e-1d2a-4c3b-8e4f-5a6b7c8d9e0f'
    expect(policyOf(changed('slack: T01/U01', `teams: ${teams}`)).people[0]?.accounts[1]).toEqual({
      platform: 'teams',
      tenant: '7b0e5a3c-54d6-4a7e-9a8d-0f4f1f3c2b11',
      id: '0c9b7f5e-1d2a-4c3b-8e4f-5a6b7c8d9e0f',
    })
  })

  it('counts a person of two groups once', () => {
    const text = changed('owners: [E3]', 'owners: [group:dba, E3]')
    expect(policyOf(text).targets['prod-db']?.owners).toEqual(['E2', 'E3'])
  })

  it('finds no target, group or entitlement that merely every object has', () => {
    for (const word of ['constructor', 'toString', '__proto__', 'hasOwnProperty']) {
      expect(policy.targets[word]).toBeUndefined()
      expect(policy.groups[word]).toBeUndefined()
      expect(policy.targets['prod-db']?.entitlements[word]).toBeUndefined()
    }
  })

  it('lets maxTotal of the defaults count only where maxDuration is theirs too', () => {
    const text = changed('  maxDuration: 8h', '  maxDuration: 8h\n  maxTotal: 10h')
    expect(policyOf(text).targets['prod-db']?.entitlements).toMatchObject({
      read: { maxTotalMs: 10 * HOUR },
      write: { maxTotalMs: 4 * HOUR },
    })
  })

  it('needs a passkey where the target touches financial reporting, unless the entitlement says otherwise', () => {
    const financial = changed('    default: read\n', '    default: read\n    financialReporting: true\n')
    expect(policyOf(financial).targets['prod-db']?.entitlements).toMatchObject({
      read: { stepUp: 'passkey', stepUpStated: false },
      write: { stepUp: 'passkey', stepUpStated: false },
    })
    const without = changed('grants: ledger_read\n', 'grants: ledger_read\n        stepUp: none\n', financial)
    expect(policyOf(without).targets['prod-db']?.entitlements).toMatchObject({
      read: { stepUp: 'none', stepUpStated: true },
      write: { stepUp: 'passkey' },
    })
    const asked = changed('grants: ledger_write\n', 'grants: ledger_write\n        stepUp: passkey\n')
    expect(policyOf(asked).targets['prod-db']?.entitlements).toMatchObject({
      read: { stepUp: 'none' },
      write: { stepUp: 'passkey', stepUpStated: true },
    })
  })

  it('takes a name as it is written, also where YAML would read a number', () => {
    const ids = ['0998', '1e3', '0x1F', '1.0', '12345678901234567890', '12345678901234567891', 'True', 'null']
    const people = ids.map((id, index) => `  ${id}:\n    name: Person ${index}\n    manager: E4\n`).join('')
    const text = changed('  E4:\n', `${people}  E4:\n`)
    const read = policyOf(changed('dba: [E2, E3]', `dba: [${ids.map((id) => `"${id}"`).join(', ')}]`, text))
    expect(read.people.map(({ id }) => id)).toEqual(expect.arrayContaining(ids))
    expect(read.groups.dba).toEqual(ids)
  })

  it('has another hash when one character differs', () => {
    expect(policyOf(changed('Ledger', 'Ledgers')).hash).not.toBe(policy.hash)
  })

  it.each(['docs/policy.example.yaml', 'demo/policy.yaml'])('%s has neither faults nor warnings', (file) => {
    const reading = parsePolicy(readFileSync(file, 'utf8'), file)
    expect([...('faults' in reading ? reading.faults : []), ...reading.warnings]).toEqual([])
  })

  it('names in the demo what the demo needs', () => {
    const demo = policyOf(readFileSync('demo/policy.yaml', 'utf8'))
    expect(demo.people.every(({ accounts }) => accounts.some(({ platform }) => platform === 'local'))).toBe(true)
    expect(demo.targets['prod-db']).toMatchObject({
      defaultEntitlement: 'read',
      connector: { kind: 'postgres', url: 'env:DEMO_TARGET_URL' },
      entitlements: { read: { grants: 'ledger_read' }, write: { grants: 'ledger_write' } },
    })
  })
})

it('says for each platform where requests are announced', () => {
  const teams = '19:access@thread.tacv2'
  const text = GOOD_POLICY.replace('channel: access', `channel: { slack: access, teams: '${teams}' }`)
    .concat('fallbackChannel: { slack: reserve }\n')
    .replace('    default: read', '    channel: { slack: finance }\n    default: read')
  const reading = parsePolicy(text, 'policy.yaml')
  if (!('policy' in reading)) throw new Error(JSON.stringify(reading.faults))
  expect(reading.policy).toMatchObject({ channel: { slack: 'access', teams }, fallbackChannel: { slack: 'reserve' } })
  expect(reading.policy.targets['prod-db']?.channel).toEqual({ slack: 'finance' })
})

const MACHINE = `machines:
  exporter:
    name: Ledger export
    kind: pipeline
    owner: E1
    description: Copies the ledger each night
`

describe('a bad policy', () => {
  /** What is changed, into what, the line that must be named (by a text on it), what the message says, what helps. */
  it.each<[string, string, string, RegExp, RegExp]>([
    // Form
    ['timeZone: UTC', 'timeZone: Mars/Base', 'Mars/Base', /no time zone/, /IANA/],
    ['timeZone: UTC', 'timeZone: "+02:00"', '+02:00', /no time zone/, /IANA/],
    ['    manager: E2', '    managr: E2', 'managr', /"managr" is no setting/, /Did you mean manager\?/],
    ['channel: access', 'channel: access\nchanel2: x', 'chanel2', /no setting/, /Did you mean channel\?/],
    ['channel: access', 'channel: access\nzzz: x', 'zzz', /no setting/, /one of timeZone, channel/],
    ['    name: Ana Ruiz\n', '', 'E1:', /name is missing/, /Add name:/],
    ['    name: Ana Ruiz', '    name: 12', 'name: 12', /"12" is not text/, /quotes/],
    ['    name: Ana Ruiz', '    name:', 'name:\n', /name is empty/, /leave the line out/],
    ['        level: write', '        level: wirte', 'wirte', /not accepted/, /Did you mean write\?/],
    ['        level: write', '        level: root', 'root', /not accepted/, /read, write, admin/],
    ['  dba: [E2, E3]', '  dba: E2', 'dba: E2', /not a list/, /\[a, b\]/],
    ['{ need: 1, from: [manager] }', '{ need: 0, from: [manager] }', 'need: 0', /too small/, /at least 1/],
    ['{ need: 1, from: [manager] }', '{ need: 1.5, from: [manager] }', 'need: 1.5', /whole number/, /whole number/],
    ['{ need: 1, from: [manager] }', '{ need: 1, from: [] }', 'from: []', /from is empty/, /at least one/],
    ['{ need: 1, from: [manager] }', '{ need: 1, from: [boss] }', 'boss', /no source of approvers/, /group:name/],
    ['[manager, owners]', '[manager, E3]', 'manager, E3', /no source of approvers/, /manager, owners/],
    ['requesters: [E1]', 'requesters: nobody', 'nobody', /everyone, or a list/, /example/],
    ['slack: T01/U01', 'slack: ana@example.com', 'ana@example.com', /no account/, /T0123\/U0456/],
    ['slack: T01/U01', 'email: ana@example.com', 'email', /no setting/, /local, slack, teams/],
    ['- slack: T01/U01', '- { slack: T01/U01, local: x }', 'local: x', /one platform/, /one platform an entry/],
    ['kind: postgres', 'kind: oracle', 'oracle', /not accepted/, /postgres/],
    // Durations
    ['maxDuration: 2h', 'maxDuration: 2 h', '2 h', /malformed/, /1h30m/],
    ['maxDuration: 2h', 'maxDuration: 0h', '0h', /zero/, /30m/],
    ['maxDuration: 2h', 'maxDuration: 7200', '7200', /not text/, /quotes/],
    ['maxDuration: 2h', 'maxDuration: 99999d', '99999d', /overflow/, /3650d/],
    ['maxDuration: 2h', 'maxDuration: 2h\n        maxTotal: 1h', 'maxTotal', /shorter than maxDuration/, /2h or more/],
    ['  maxDuration: 8h\n', '', 'read:', /Nothing limits/, /maxDuration:/],
    // When findings are due
    ['channel: access', 'channel: access\nfindings: { due: { critcal: 1d } }', 'critcal', /no setting/, /critical/],
    [
      'channel: access',
      'channel: access\nfindings: { due: { low: 30m } }',
      '30m',
      /shorter than an hour/,
      /1h to 180d/,
    ],
    ['channel: access', 'channel: access\nfindings: { due: { low: 1000d } }', '1000d', /over-limit/, /1h to 180d/],
    [
      ...(['channel: access', 'channel: access\nfindings: { dueOf: { orphan-acess: 4h } }', 'orphan-acess'] as const),
      ...([/cause of no finding/, /Did you mean orphan-access/] as const),
    ],
    [
      ...(['channel: access', 'channel: access\nfindings: { dueOf: { notice-elsewhere: 4h } }', 'notice'] as const),
      ...([/cause of no finding/, /grant-stuck/] as const),
    ],
    // Names that lie
    ['    name: Ana Ruiz', '    name: Аna Ruiz', 'Аna Ruiz', /mixes Latin and Cyrillic/, /one script/],
    ['    name: Helen Brandt', '    name: Ana\u202eRuiz', 'Ana\u202eRuiz', /U\+202E/, /by hand/],
    ['    name: Helen Brandt', '    name: "Ana\\u202eRuiz"', 'u202e', /U\+202E/, /by hand/],
    ['    name: Helen Brandt', '    name: Helen # \u2066 hidden', 'hidden', /U\+2066/, /Delete it/],
    ['  prod-db:', '  prоd-db:', 'prоd-db', /U\+043E \(о\)/, /small letters/],
    ['  prod-db:', '  Prod-DB:', 'Prod-DB', /is not a name/, /small letters/],
    ['  prod-db:', '  "prod-db:read":', 'prod-db:read', /is not a name/, /prod-db/],
    ['  prod-db:', '  __proto__:', '__proto__', /is not a name/, /another/],
    ['  dba: [E2, E3]', '  dba: [E2, E3]\n  dba2\u200b: [E2]', 'dba2', /U\+200B/, /small letters|Delete it/],
    // People
    ['    manager: E2', '    manager: E9', 'manager: E9', /no person "E9"/, /Did you mean E1\?/],
    ['    manager: E2', '    manager: dba', 'manager: dba', /is a group/, /group:dba/],
    ['    manager: E2', '    manager: E1', 'manager: E1', /their own manager/, /another person/],
    ['    name: Helen Brandt', '    name: Helen Brandt\n    manager: E2', 'E4\n    accounts', /E2 → E4 → E2/, /top/],
    ['      - local: marcus', '      - local: ana', '- local: ana\n  E3', /listed of E1 too/, /one owner/],
    ['      - slack: T01/U01', '      - local: ana', '- local: ana\n  E2', /twice here/, /one owner/],
    ['  E4:\n', '  E1:\n', 'E1:\n    name: Helen', /used twice/, /Keep one/],
    ['  E4:\n', '  e1:\n    name: Anne\n  E4:\n', 'e1:', /capital letters only/, /one entry/],
    [
      '    name: Helen Brandt',
      '    name: АВС\n  E5:\n    name: ABC',
      'name: ABC',
      /looks like that of E4/,
      /One human|one human/,
    ],
    ['  dba: [E2, E3]', '  dba: [E2, E7]', 'E7', /no person "E7"/, /Did you mean E1\?/],
    ['  dba: [E2, E3]', '  dba: [E2, E3, E2]', 'E3, E2', /E2 is listed twice/, /counts once/],
    ['  E3:\n', '  E3:\n    status: left\n', 'dba: [E2, E3]', /E3 has left/, /Take E3 out/],
    [
      'channel: access',
      'channel: access\nfallbackChannel: "#access"',
      'fallback',
      /is the channel itself/,
      /another channel/,
    ],
    // Machines
    ...(
      [
        ['owner: E1', 'owner: E9', 'owner: E9', /no person "E9"/, /Did you mean E1\?/],
        ['owner: E1', 'owner: dba', 'owner: dba', /is a group, not a person/, /group:dba/],
        ['    owner: E1\n', '', 'exporter:', /owner is missing/, /Add owner:/],
        ['kind: pipeline', 'kind: pipline', 'pipline', /not accepted/, /Did you mean pipeline\?/],
        ['kind: pipeline', 'kind: robot', 'robot', /not accepted/, /service-account, pipeline, bot/],
        ['  exporter:', '  e1:', 'e1:', /E1 is a person/, /Choose another id/],
        ['  exporter:', '  P-7K3QF0AB:', 'P-7K3QF0AB', /looks like an id of the directory/, /Choose another id/],
        [
          'machines:',
          `${MACHINE.replace('exporter', 'Exporter')}`,
          'exporter:',
          /another machine/,
          /Choose another id/,
        ],
      ] as [string, string, string, RegExp, RegExp][]
    ).map(([from, to, ...rest]): [string, string, string, RegExp, RegExp] => {
      return ['groups:\n', `${changed(from, to, MACHINE)}groups:\n`, ...rest]
    }),
    // Channels
    ['channel: access', 'channel: { slak: access }', 'slak', /"slak" is no setting/, /Did you mean slack\?/],
    ['channel: access', 'channel: { teams: access }', 'teams: access', /not the id of a channel/, /19:0a1b2c@thread/],
    ['channel: access', "channel: { slack: '19:a@thread.tacv2' }", 'slack:', /a channel in Teams/, /teams: '19:a@/],
    ['channel: access', 'channel: {}', 'channel: {}', /No platform is named/, /slack: access/],
    ['channel: access', 'channel: [access]', 'channel: [access]', /one for each platform/, /example/],
    [
      'channel: access',
      'channel: { slack: access }\nfallbackChannel: reserve',
      'fallbackChannel',
      /"reserve" does not say on which platform/,
      /\{ slack: reserve \}/,
    ],
    [
      '    default: read',
      '    channel: { slack: finance }\n    default: read',
      'finance',
      /names a platform, and channel at the top does not/,
      /channel: \{ slack: access \}/,
    ],
    [
      'channel: access',
      'channel: { slack: access }\nfallbackChannel: { slack: "#access" }',
      'fallbackChannel',
      /is the channel itself/,
      /another channel/,
    ],
    ['escalateTo: [E4]', 'escalateTo: []', 'escalateTo', /is empty/, /at least one/],
    ['compliance: [E4]', 'compliance: [group:audit]', 'group:audit', /no group "audit"/, /Add the group/],
    // Targets
    ...VERBS.map((verb): [string, string, string, RegExp, RegExp] => [
      '  prod-db:',
      `  ${verb}:`,
      `  ${verb}:`,
      /word of \/access/,
      /otherwise/,
    ]),
    ['default: read', 'default: raed', 'default: raed', /no entitlement "raed"/, /Did you mean read\?/],
    ['default: read', 'default: write', 'default: write', /of level write/, /level read/],
    ['default: read', 'default: constructor', 'default: constructor', /no entitlement/, /read, write/],
    ['group:dba]', 'group:bda]', 'group:bda', /no group "bda"/, /Did you mean dba\?/],
    ['owners: [E3]', 'owners: [E33]', 'owners: [E33]', /no person "E33"/, /Did you mean E3\?/],
    ['  prod-db:\n', '  prod_db: {}\n  prod-db:\n', 'prod_db', /is missing/, /Add/],
    ['  prod-db:\n', '  prod_db: {}\n  prod-db:\n', '  prod-db:', /easily taken for "prod_db"/, /another name/],
    [
      '    name: Helen Brandt',
      '    name: ＡＢＣ\n  E5:\n    name: ABC',
      'name: ABC',
      /looks like that of E4/,
      /one human/,
    ],
    [
      'approvals:\n          - { need: 1, from: [manager] }\n          - { need: 1, from: [owners, group:dba] }\n',
      'denyReason: optional\n',
      'write:',
      /Nobody approves this/,
      /Add approvals/,
    ],
    [
      '  approvals:\n    - { need: 1, from: [manager, owners] }\n',
      '',
      'read:',
      /Nobody approves this/,
      /Add approvals/,
    ],
    ['url: env:PROD_DB_URL', 'url: secret-words', 'url: secret-words', /no reference to a secret/, /env:NAME/],
    ['url: env:PROD_DB_URL', 'url: file:relative', 'url: file:relative', /no reference to a secret/, /file:\/path/],
    [
      'description: Ledger',
      'description: Ledger # postgres://u:pw@h',
      '# postgres',
      /password in a URL/,
      /change the password/,
    ],
    // Reasons
    ["'INC-[0-9]{1,8}'", "'(INC'", "'(INC'", /not a regular expression/, /Correct it/],
    ["'INC-[0-9]{1,8}'", "'(a+)+$'", "'(a+)+$'", /repeats a group/, /nested/],
    ['          hint: Name the ticket\n', '', 'reason:', /has no hint/, /go together/],
    ['          min: 15', '          min: 50\n          max: 20', 'reason:', /at least 50 and at most 20/, /raise max/],
    // YAML itself
    ['channel: access', 'channel: access\nchannel: other', 'channel: other', /used twice/, /Keep one/],
    ['  dba: [E2, E3]', '  dba: &all [E2, E3]\n  all: *all', 'dba: &all', /Anchors/, /Write the value out/],
    ['  dba: [E2, E3]', '\tdba: [E2, E3]', '\tdba', /tab/, /spaces/],
    ['  dba: [E2, E3]', '  dba: !!js/function [E2]', '!!js', /tag/i, /Leave the tag out/],
    ['  dba: [E2, E3]', '  dba: [E2, E3', 'dba: [E2, E3\ntargets', /not YAML/, /Correct the line/],
    ['targets:\n', '---\ntargets:\n', '---', /second document/, /one document/],
  ])('%j changed to %j is found', (from, to, mark, message, remedy) => {
    const text = changed(from, to)
    const faults = faultsOf(text)
    const fault = faults.find((candidate) => message.test(candidate.message))
    expect(fault, JSON.stringify(faults, null, 1)).toBeDefined()
    expect(fault?.remedy).toMatch(remedy)
    // A fault in YAML's own form is seen where the parser gives up, at the latest on the next line.
    const line = lineOf(text, mark)
    expect([line, ...(/not YAML/.test(fault?.message ?? '') ? [line + 1] : [])]).toContain(fault?.line)
    expect(fault?.column).toBeGreaterThan(0)
    expect(formatFault('p.yaml', fault as PolicyFault)).toMatch(/^p\.yaml:\d+:\d+ .+\. .+/)
  })

  it('gives all its faults at once, in the order of the file', () => {
    let text = changed('timeZone: UTC', 'timeZone: Nowhere')
    text = changed('    manager: E2', '    managr: E2', text)
    text = changed('owners: [E3]', 'owners: [E33]', text)
    text = changed('maxDuration: 2h', 'maxDuration: soon', text)
    text = changed('default: read', 'default: write', text)
    text = changed('        description: Read\n', '', text)
    expect(faultsOf(text).map(({ path }) => path)).toEqual([
      'timeZone',
      'people.E1.managr',
      'targets.prod-db.owners[0]',
      'targets.prod-db.default',
      'targets.prod-db.entitlements.read.description',
      'targets.prod-db.entitlements.write.maxDuration',
    ])
  })

  it('has one fault for one mistake, not one for everything that follows from it', () => {
    for (const [from, to] of [
      ['    name: Ana Ruiz\n', ''],
      ['  dba: [E2, E3]', '  dba: E2'],
      ['  maxDuration: 8h', '  maxDuration: soon'],
      ['    owners: [E3]\n', ''],
      ['{ need: 1, from: [manager, owners] }', '{ need: many, from: [manager, owners] }'],
      ['timeZone: UTC\n', ''],
      ['          hint: Name the ticket', '          hint: 7'],
    ] as const) {
      expect(faultsOf(changed(from, to))).toHaveLength(1)
    }
  })

  it('hides nothing behind a setting that belongs elsewhere', () => {
    for (const stray of ['description: Head', 'url: env:X', 'need: 1']) {
      const text = changed('    name: Helen Brandt', `    name: Helen Brandt\n    ${stray}`)
      const faults = faultsOf(changed('manager: E2', 'manager: E77', text))
      expect(faults.map(({ path }) => path)).toEqual(['people.E1.manager', `people.E4.${stray.split(':')[0]}`])
    }
  })

  it('never shows what may be a secret', () => {
    for (const secret of ['hunter2', 'postgres://u:hunter2@h/db', '{ password: hunter2 }', '[hunter2]']) {
      const faults = faultsOf(changed('url: env:PROD_DB_URL', `url: ${secret}`))
      expect(faults.length).toBeGreaterThan(0)
      expect(JSON.stringify(faults)).not.toContain('hunter2')
    }
    expect(JSON.stringify(faultsOf(`${GOOD_POLICY}password: hunter2\n`))).not.toContain('hunter2')
  })

  it.each([
    ['nothing at all', '', /empty/],
    ['a comment alone', '# later\n', /empty/],
    ['a list', '- a\n- b\n', /block of settings/],
    ['a word', 'hello', /block of settings/],
    ['one byte over a mebibyte', '#'.repeat(1024 * 1024 + 1), /1048577 bytes/],
    ['a deep nest', `a: ${'['.repeat(20_000)}`, /too deep/],
    ['a bomb of aliases', `a: &a [1]\n${'b: [*a, *a, *a]\n'}`, /Anchors/],
    ['NUL', 'channel: a\u0000b', /U\+0000/],
  ])('%s is refused', (_, text, message) => {
    expect(faultsOf(text).map((fault) => fault.message)).toContainEqual(expect.stringMatching(message))
  })

  it('is never thrown over, whatever the text', () => {
    const line = fc.constantFrom(
      ...GOOD_POLICY.split('\n'),
      '  - x',
      '&a',
      '*a',
      '? [x]',
      '- - -',
      '{',
      '"',
      '\t',
      '|',
      '<<: x',
    )
    fc.assert(
      fc.property(fc.array(fc.oneof(line, fc.string()), { maxLength: 40 }), (lines) => {
        const reading = parsePolicy(lines.join('\n'), 'p.yaml')
        if ('faults' in reading) expect(reading.faults.length).toBeGreaterThan(0)
      }),
      { numRuns: 300 },
    )
  })

  it('is still refused when any one line of a good one is gone, or is as good as before', () => {
    const lines = GOOD_POLICY.split('\n')
    for (const index of lines.keys()) {
      const reading = parsePolicy(lines.toSpliced(index, 1).join('\n'), 'p.yaml')
      if ('faults' in reading) expect(reading.faults[0]?.message).toBeTruthy()
      else expect(Object.values(reading.policy.targets)[0]?.entitlements).toHaveProperty('read.approvals.0')
    }
  })
})

describe('warnings', () => {
  it('name for whom an entitlement can never be approved', () => {
    const text = changed('requesters: [E1]', 'requesters: [E1, E4, E3]')
    expect(warningsOf(text)).toEqual([
      {
        line: lineOf(text, '        approvals:\n'),
        column: 9,
        path: 'targets.prod-db.entitlements.write.approvals',
        message: 'prod-db:write can never be approved for Helen Brandt (E4): too few distinct persons may sign',
        remedy: expect.stringContaining('limit requesters'),
      },
    ])
  })

  it('count one person once over all rules', () => {
    // Ana's manager E2 is now the only owner too: one person cannot sign both rules.
    const text = changed('owners, group:dba', 'owners', changed('owners: [E3]', 'owners: [E2]'))
    expect(warningsOf(text).map(({ message }) => message)).toEqual([
      expect.stringContaining('prod-db:write can never be approved for Ana Ruiz (E1)'),
    ])
  })

  it('name a manager who left and whom that strands, and stop nothing', () => {
    const text = changed(
      '  E4:\n',
      '  E5:\n    name: Old Boss\n    status: left\n  E4:\n',
      changed('    manager: E2', '    manager: E5'),
    )
    expect(warningsOf(text).map(({ message }) => message)).toEqual([
      'The manager E5 has left',
      expect.stringContaining('prod-db:write can never be approved for Ana Ruiz (E1)'),
    ])
  })

  it('name a machine whose owner has left, and stop nothing', () => {
    const text = changed('groups:\n', `  E5:\n    name: Old Boss\n    status: left\n${MACHINE}groups:\n`)
    expect(warningsOf(text.replace('owner: E1', 'owner: E5')).map(({ message }) => message)).toEqual([
      'The owner E5 has left',
    ])
  })

  it('do not count the requester', () => {
    const text = changed('[manager, owners]', '[owners]')
    expect(warningsOf(text).map(({ message }) => message)).toEqual([
      expect.stringContaining('prod-db:read can never be approved for Priya Natarajan (E3)'),
    ])
  })

  it('are not drawn from a part that has faults', () => {
    expect(parsePolicy(changed('    owners: [E3]\n', ''), 'p.yaml').warnings).toEqual([])
  })

  it.each([
    ['keepers: [E2]\n', '', 'compliance'],
    ['keepers: [E2]\n', 'keepers: [E4]\n', 'keepers'],
  ])('name who would hold and erase alone: %j becomes %j', (from, to, path) => {
    const message = 'E4 alone may hold and erase, which takes two: nobody can'
    expect(warningsOf(changed(from, to))).toMatchObject([{ path, message }])
  })

  it('name two people of one name', () => {
    const text = changed('Helen Brandt', 'Ana Ruiz')
    expect(warningsOf(text)).toMatchObject([{ path: 'people.E4.name', message: 'E1 is called Ana Ruiz too' }])
  })
})

function policyOf(text: string): Policy {
  const reading = parsePolicy(text, 'p.yaml')
  if ('faults' in reading) throw new Error(reading.faults.map((fault) => formatFault('p.yaml', fault)).join('\n'))
  return reading.policy
}

function faultsOf(text: string): readonly PolicyFault[] {
  const reading = parsePolicy(text, 'p.yaml')
  return 'faults' in reading ? reading.faults : []
}

function warningsOf(text: string): readonly PolicyFault[] {
  policyOf(text)
  return parsePolicy(text, 'p.yaml').warnings
}

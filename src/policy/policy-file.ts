import { z } from 'zod'
import { DURATION_PATTERN, parseDuration } from '../domain/duration.ts'
import { MACHINE_KINDS } from '../domain/policy.ts'
import { checked } from './checked.ts'
import { findings } from './findings-form.ts'
import {
  faultOfKey,
  faultOfPersonName,
  faultOfSentence,
  type KeyForm,
  type NameFault,
  PERSON_ID,
  TYPED_NAME,
} from './names.ts'
import { faultOfPattern } from './safe-pattern.ts'
import { isSecretReference, SECRET_REFERENCE } from './secret-reference.ts'

/**
 * The form of a policy file, and the ground of its JSON Schema. What one value alone can get wrong is
 * found here; what needs two places is found in `check-*.ts`. Nothing is transformed or filled in.
 */
const GUID = '[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}'

const duration = (description: string) =>
  checked({ description, pattern: DURATION_PATTERN, examples: ['30m', '2h', '1h30m', '1d'] }, (value) => {
    const reading = parseDuration(value)
    return 'ok' in reading ? null : { message: `is no duration (${reading.code})`, remedy: `Write ${reading.accepted}` }
  })

const personId = named(PERSON_ID, 'A person of this file, by id')

const personOrGroup = checked(
  { description: 'A person by id, or group:name', pattern: '^(group:[a-z]|[A-Za-z0-9])[A-Za-z0-9._-]*$' },
  (value) => (value.startsWith('group:') ? faultOfKey(value.slice(6), TYPED_NAME) : faultOfKey(value, PERSON_ID)),
)

const approverSource = checked(
  { description: 'manager, owners, or group:name', pattern: '^(manager|owners|group:[a-z][a-z0-9._-]*)$' },
  (value) => {
    if (value === 'manager' || value === 'owners') return null
    if (value.startsWith('group:')) return faultOfKey(value.slice(6), TYPED_NAME)
    return { message: 'is no source of approvers', remedy: 'Write manager, owners or group:name' }
  },
)

const account = z
  .strictObject({
    local: shaped('A name on the local page', '^[a-z][a-z0-9._-]{0,62}$', 'a short name such as ana').optional(),
    slack: shaped('Team id / user id', '^[TE][A-Z0-9]+/[UW][A-Z0-9]+$', 'TEAM/USER ids such as T0123/U0456').optional(),
    teams: shaped('Tenant id / object id', `^${GUID}/${GUID}$`, 'tenant/object ids, two GUIDs').optional(),
  })
  .meta({ description: 'One account on one platform', minProperties: 1, maxProperties: 1 })
  .superRefine((value, context) => {
    if (Object.keys(value).length === 1) return
    const remedy = 'Write one platform an entry, such as - slack: T0123/U0456'
    context.addIssue({ code: 'custom', message: 'must name one platform', params: { remedy } })
  })

const person = z.strictObject({
  name: checked({ description: 'As colleagues know them' }, faultOfPersonName),
  title: sentence('What they do, shown beside the name').optional(),
  manager: personId.optional().meta({ description: 'The id of their manager; leave it out for nobody' }),
  status: z.enum(['active', 'left']).optional().meta({ description: 'active when left out; left: may do nothing' }),
  accounts: z.array(account).optional().meta({ description: 'How chat platforms know them' }),
  externalId: sentence('The id that the directory calls the same human by, externalId in SCIM').optional(),
})

const machine = z.strictObject({
  name: sentence('As colleagues call it'),
  kind: z.enum(MACHINE_KINDS),
  owner: personId.meta({ description: 'Who answers for it: a person, by id' }),
  description: sentence('What it does, in words for people'),
})

/** What is believed of the directory that pushes people over SCIM. */
const directory = z.strictObject({
  groups: z
    .record(named(TYPED_NAME, 'The name of a group here'), sentence('The displayName of the group in the directory'))
    .optional()
    .meta({ description: 'Groups of the directory that may stand as group:name' }),
  slackEmail: z
    .record(
      shaped('A Slack workspace', '^[TE][A-Z0-9]+$', 'a workspace id such as T0123'),
      z
        .array(shaped('A domain', '^([a-z0-9-]+\\.)+[a-z]{2,}$', 'a domain in small letters such as acme.example'))
        .min(1),
    )
    .optional()
    .meta({ description: 'By workspace: the domains whose confirmed e-mail links an account' }),
  teamsTenant: shaped('A tenant id', `^${GUID}$`, 'the tenant id, a GUID')
    .optional()
    .meta({ description: 'The Entra tenant whose object ids are the external ids of the directory' }),
  identityAssurance: z
    .enum(['directory', 'not-claimed'])
    .optional()
    .meta({ description: 'directory: its identity assurance level is taken over; not-claimed when left out' }),
  administrators: z
    .array(personId)
    .optional()
    .meta({ description: 'Who can change what the directory says: they decide nothing by what it says of them' }),
})

const TEAMS_CHANNEL = '^19:[^\\s;]{1,200}@thread\\.(tacv2|skype|v2)$'

/** One channel, or one on each platform that is named. That all settings speak alike is checked between them. */
const channels = (description: string) =>
  z
    .union(
      [
        sentence(description),
        z.strictObject({
          slack: checked(
            { description: 'In Slack, its name or id', minLength: 1, maxLength: 200 },
            faultOfSlackChannel,
          ).optional(),
          teams: checked({ description: 'In Teams, its id', pattern: TEAMS_CHANNEL }, faultOfTeamsChannel).optional(),
        }),
      ],
      { error: "must be a channel, or one for each platform: { slack: access, teams: '19:…@thread.tacv2' }" },
    )
    .meta({ description })

const approvals = z
  .array(
    z.strictObject({
      need: z.int().min(1).max(10).meta({ description: 'How many distinct persons' }),
      from: z.array(approverSource).min(1).meta({ description: 'Out of all these together' }),
    }),
  )
  .min(1)
  .meta({ description: 'All must be met, by distinct persons over all of them' })

const reason = z.strictObject({
  min: z.int().min(0).max(500).optional().meta({ description: 'Shortest reason, characters; 10 when left out' }),
  max: z.int().min(1).max(2000).optional().meta({ description: 'Longest reason, characters; 500 when left out' }),
  pattern: checked({ description: 'A regular expression that the reason must contain' }, faultOfPattern).optional(),
  hint: sentence('What the pattern asks for, in words for people').optional(),
})

const requesters = z
  .union([z.literal('everyone'), z.array(personOrGroup).min(1)], {
    error: 'must be everyone, or a list of persons and groups',
  })
  .meta({ description: 'Who may ask: everyone, or persons and groups' })

/** What an entitlement takes from `defaults` when it says nothing itself. */
const inheritable = {
  maxDuration: duration('The longest that one request may ask for').optional(),
  maxTotal: duration('The longest with all extensions; twice maxDuration when left out').optional(),
  requesters: requesters.optional(),
  approvals: approvals.optional(),
  reason: reason.optional(),
  denyReason: z.enum(['required', 'optional']).optional().meta({ description: 'Whether a denial must say why' }),
}

const entitlement = z.strictObject({
  description: sentence('What it is for, in words for people'),
  level: z.enum(['read', 'write', 'admin']),
  grants: sentence('The name that the target itself has for it, such as a database role'),
  stepUp: z.enum(['passkey', 'none']).optional().meta({
    description:
      'What an approval needs beside the click; when left out: passkey where the target touches financial reporting, else none',
  }),
  ...inheritable,
})

const target = z.strictObject({
  description: sentence('What it is, in words for people'),
  owners: z.array(personOrGroup).min(1).meta({ description: 'Who answers for it' }),
  financialReporting: z.boolean().optional().meta({ description: 'In scope for financial reporting' }),
  channel: channels('Where its requests are announced; the policy’s channel when left out').optional(),
  default: named(TYPED_NAME, 'What the bare target means in chat; of level read').optional(),
  connector: z.strictObject({
    kind: z.enum(['postgres']),
    url: checked(
      { description: 'env:NAME or file:/path; never the secret itself', pattern: SECRET_REFERENCE },
      (value) =>
        isSecretReference(value)
          ? null
          : {
              message: 'is no reference to a secret',
              remedy: 'Put the URL into a variable or a file, and write env:NAME or file:/path',
            },
    ),
  }),
  entitlements: z.record(named(TYPED_NAME, 'The name of an entitlement'), entitlement),
})

export const policyFile = z
  .strictObject({
    timeZone: checked({ description: 'An IANA zone, for calendars', examples: ['Europe/Berlin'] }, faultOfZone),
    channel: channels('Where requests are announced'),
    fallbackChannel: channels('Where they go when their own channel cannot be reached').optional(),
    digestChannel: channels(
      'Where the digest of each week goes too; to those under compliance in person alone when left out',
    ).optional(),
    checkpointChannel: channels(
      'Where the newest checkpoint is told every quarter of an hour in which something happened, and with each digest; nowhere when left out',
    ).optional(),
    pendingFor: duration('A request nobody decides ends after this; 8h when left out').optional(),
    warnBefore: duration('A holder is told this long before the end; 10m when left out').optional(),
    escalateTo: z.array(personOrGroup).min(1).meta({ description: 'Who is told when nobody can approve' }),
    compliance: z.array(personOrGroup).min(1).meta({ description: 'Who may end any grant' }),
    mayFreeze: z
      .array(personOrGroup)
      .min(1)
      .optional()
      .meta({ description: 'Who may freeze any target too, such as group:oncall; nobody more when left out' }),
    keepers: z.array(personOrGroup).min(1).optional().meta({
      description: 'Who may hold and erase, two together, such as group:legal; compliance alone when left out',
    }),
    retention: shaped(
      'How long a grant is kept from its end, in whole years; 7y when left out',
      '^([1-9]|[1-9][0-9])y$',
      'whole years, 1y to 99y, such as 7y',
      'is no retention',
    ).optional(),
    findings: findings.optional().meta({ description: 'By when what is found must be seen to' }),
    independentWitnesses: z.int().min(1).max(5).optional().meta({
      description:
        'Witnesses out of the operators’ reach that targets in scope for financial reporting need; 1 when left out',
    }),
    defaults: z
      .strictObject(inheritable)
      .optional()
      .meta({ description: 'What entitlements say when they say nothing' }),
    people: z.record(personId, person),
    machines: z
      .record(named(PERSON_ID, 'A machine, by id'), machine)
      .optional()
      .meta({ description: 'What acts without a person, and who answers for it' }),
    groups: z.record(named(TYPED_NAME, 'The name of a group'), z.array(personId)).optional(),
    directory: directory.optional().meta({ description: 'What is believed of the directory that pushes people' }),
    targets: z.record(named(TYPED_NAME, 'The name of a target, as typed in chat'), target),
  })
  .meta({ title: 'Countersign policy' })

export type PolicyFile = z.infer<typeof policyFile>
export type EntitlementFile = z.infer<typeof entitlement>
export type TargetFile = z.infer<typeof target>

function named(form: KeyForm, description: string) {
  return checked({ description, pattern: form.pattern }, (value) => faultOfKey(value, form))
}

function shaped(description: string, pattern: string, words: string, message = 'is no account') {
  return checked({ description, pattern }, (value) =>
    new RegExp(pattern).test(value) ? null : { message, remedy: `Write ${words}` },
  )
}

function sentence(description: string) {
  return checked({ description, minLength: 1, maxLength: 200 }, faultOfSentence)
}

function faultOfSlackChannel(channel: string): NameFault | null {
  if (channel.startsWith('19:')) return { message: 'is a channel in Teams', remedy: `Write teams: '${channel}'` }
  return faultOfSentence(channel)
}

function faultOfTeamsChannel(channel: string): NameFault | null {
  if (new RegExp(TEAMS_CHANNEL).test(channel)) return null
  const remedy = "Copy it from the link to the channel, such as '19:0a1b2c@thread.tacv2', in quotes"
  return { message: 'is not the id of a channel in Teams', remedy }
}

function faultOfZone(zone: string): NameFault | null {
  const remedy = 'Write an IANA zone such as Europe/Berlin or UTC'
  try {
    // Offsets are taken too, but have no summer time: calendars would drift.
    if (!/^[A-Za-z]/.test(zone)) return { message: 'is no time zone', remedy }
    new Intl.DateTimeFormat('en', { timeZone: zone })
    return null
  } catch {
    return { message: 'is no time zone', remedy }
  }
}

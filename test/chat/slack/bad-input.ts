import { pressPayload, submissionPayload } from './slack-user.ts'

/** What a text may hold that no text should. NUL and the rest are written as escapes, to be seen here. */
const HOSTILE = {
  nul: 'a\u0000b',
  'lone high surrogate': 'a\uD800b',
  'lone low surrogate': '\uDC00',
  'swapped surrogates': '\uDE00\uD83D',
  'bidi override': '\u202Edb-dorp',
  'bidi isolates': '\u2066prod\u2069-db',
  'zero width': 'pr\u200Bod-\u200Ddb',
  'byte order mark': '\uFEFFprod-db',
  controls: '\u0001\u0007\u001B[31m\u007F',
  'line separators': 'one\u2028two\u2029three',
  'look-alikes': 'рrоd-db',
  'combining marks': `a${'\u0301'.repeat(500)}`,
  emoji: '👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿',
  mentions: '<!channel> <@U0MARCUS> <#C0ACCESS>',
  link: '<https://evil.example|prod-db>',
  markdown: '*bold* _it_ ~gone~ `code` ```block```',
  html: '<script>alert(1)</script>&lt;b&gt;',
  sql: "'; drop table event; --",
  template: '$' + '{process.env.SLACK_BOT_TOKEN} {{7*7}} %s %n',
  path: '../../../../etc/passwd',
  prototype: '__proto__',
  constructor: 'constructor prototype toString',
  json: '{"request":"G-1","revision":1e999}',
  huge: 'x'.repeat(20_000),
  'many words': 'word '.repeat(2_000),
  newlines: '\n'.repeat(200),
  spaces: '\u00A0\u3000\t ',
}

const COMMANDS = [
  ...['nonsense', ':', '::', 'prod-db:', ':read', 'prod-db:read:write', 'prod-db', 'prod-db 2', 'prod-db -2h x'],
  ...[
    'prod-db 0s x',
    'prod-db 1e309h x',
    'prod-db NaN x',
    'prod-db 99999999999999999999h x',
    'prod-db 2h30',
    'prod-db 2h',
  ],
  ...['prod-db 2h x', 'prod-db:admin 2h because', 'no-such 2h because', 'PROD-DB 2h because', 'prod-db 6d because'],
  ...['end', 'end G-', 'end G-000000', 'end G-0000000000', 'status', 'status *', 'cancel me', 'done done', 'extend'],
  ...[
    'extend G-7K3QF0',
    'extend G-7K3QF0 soon',
    'extend G-7K3QF0 1h',
    'help me please',
    'list everything',
    'mine ours',
  ],
  ...[
    'freeze',
    'approve G-7K3QF0',
    'deny',
    'HELP!',
    '--help',
    '-h',
    '/access',
    '?',
    '.',
    '0',
    'null',
    'undefined',
    'true',
  ],
]

/** Commands that nobody should write, by name. */
export function badCommands(): [name: string, text: string][] {
  const hostile = Object.entries(HOSTILE).flatMap(([name, text]): [string, string][] => [
    [`${name} alone`, text],
    [`${name} as the target`, `${text} 2h because`],
    [`${name} as the duration`, `prod-db ${text} because`],
    [`${name} after a verb`, `status ${text}`],
  ])
  return [...COMMANDS.map((text): [string, string] => [text, text]), ...hostile]
}

/** Buttons whose value or name was tampered with. */
export function badPresses(user: string): [name: string, payload: object][] {
  const values = [
    ...['', ' ', '1', '1 ', ' G-7K3QF0', 'x G-7K3QF0', '-1 G-7K3QF0', '1e9 G-7K3QF0', '1 G-7K3QF0 extra', '1 G-ZZZZZZ'],
    ...['99999999999999999999 G-7K3QF0', '{}', '1 grant:G-7K3QF0', '1 policy', ...Object.values(HOSTILE)],
  ]
  const actions = ['', 'Approve', 'approve ', 'APPROVE', 'toString', ...Object.values(HOSTILE)]
  return [
    ...values.map((value): [string, object] => [`value ${value.slice(0, 30)}`, pressPayload(user, 'approve', value)]),
    ...actions.map((action): [string, object] => [
      `action ${action.slice(0, 30)}`,
      pressPayload(user, action, '1 G-7K3QF0'),
    ]),
    ...mutations(pressPayload(user, 'approve', '1 G-7K3QF0')),
  ]
}

/** Forms with what no form of ours holds. */
export function badForms(user: string): [name: string, payload: object][] {
  const good = { right: 'prod-db:read', duration: '10m', reason: 'because' }
  const hostile = Object.entries(HOSTILE).flatMap(([name, text]): [string, object][] => [
    [`${name} as a choice`, submissionPayload(user, 'ask', {}, { ...good, right: text })],
    [`${name} as a duration`, submissionPayload(user, 'ask', {}, { ...good, duration: text })],
    [`${name} as a reason of a denial`, submissionPayload(user, 'deny', { request: 'G-7K3QF0' }, { reason: text })],
    [`${name} as the request`, submissionPayload(user, 'deny', { request: text }, { reason: 'because' })],
    [`${name} as the form`, submissionPayload(user, text, {}, good)],
  ])
  return [...hostile, ...mutations(submissionPayload(user, 'deny', { request: 'G-7K3QF0' }, { reason: 'x' }))]
}

const WRONG = [undefined, null, 0, true, '', [], {}, '__proto__', '\u0000', '\uD800', 'y'.repeat(5_000)]

/** Every part of a payload left out once, and of every wrong kind once. */
function mutations(payload: object): [string, object][] {
  return pathsOf(payload).flatMap((path) =>
    WRONG.map((wrong): [string, object] => {
      const copy = structuredClone(payload)
      setAt(copy, path, wrong)
      return [`${path.join('.')} = ${JSON.stringify(wrong)?.slice(0, 20)}`, copy]
    }),
  )
}

function pathsOf(value: unknown, at: string[] = []): string[][] {
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([name, inner]) => [[...at, name], ...pathsOf(inner, [...at, name])])
}

function setAt(value: object, path: string[], wrong: unknown): void {
  const [first = '', ...rest] = path
  const holder = value as Record<string, unknown>
  if (rest.length > 0) setAt(holder[first] as object, rest, wrong)
  else if (wrong === undefined) delete holder[first]
  else holder[first] = wrong
}

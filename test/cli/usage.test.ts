import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, it } from 'vitest'
import { countersign, countersignFromSources } from '../support/command-line.ts'

it('lists every command, without any and for help', async () => {
  const [bare, asked, one] = await Promise.all([
    countersign([]),
    countersignFromSources(['help']),
    countersign(['policy', 'activate', '--help']),
  ])
  expect(asked).toEqual(bare)
  expect(bare).toMatchObject({ code: 0, err: '' })
  for (const name of [
    ...['help', 'serve', 'migrate', 'policy check', 'policy activate', 'evidence', 'digest', 'verify', 'key'],
    ...['record new-origin', 'smoke', 'target setup-sql'],
  ]) {
    expect(bare.out).toContain(`  ${name}`)
  }
  expect(one.out).toContain('policy activate <hash or file> --as <person>')
  expect(one.out).not.toContain('evidence')
})

it('ends without a word, and not well, when whoever reads goes away first', async () => {
  const script = 'set -o pipefail; "$0" src/cli.ts help | true'
  const ran = promisify(execFile)('bash', ['-c', script, process.execPath])
  await expect(ran).rejects.toMatchObject({ code: 1, stdout: '', stderr: '' })
})

it.each([
  [
    ['evidense', 'G-7K3QF2'],
    ['"evidense', 'is no command', 'evidence'],
  ],
  [
    ['policy', 'chek', 'x.yaml'],
    ['"policy chek" is no command', 'Did you mean policy check?'],
  ],
  [['help', 'nothing'], ['"nothing" is no command']],
  [['policy', 'check'], ['policy check needs <file>']],
  [
    ['policy', 'check', 'a', 'b'],
    ['"b" is one word too many', 'policy check <file>'],
  ],
  [
    ['policy', 'check', 'a', '--strict'],
    ['policy check has no flag "--strict"', 'policy check <file>'],
  ],
  [
    ['evidence', 'G-7K3QF2', '--ass', 'ana'],
    ['"--ass"', 'Did you mean --as?'],
  ],
  [
    ['evidence', 'G-7K3QF2'],
    ['evidence needs --as <person>', 'every act carries a named person'],
  ],
  [
    ['policy', 'activate', 'abcdef'],
    ['policy activate needs --as <person>', 'every act carries a named person'],
  ],
  [['record', 'new-origin', 'log-2'], ['record new-origin needs --as <person>']],
  [['evidence', 'G-7K3QF2', '--as', '--out', 'x'], ['--as needs a value']],
  [['evidence', 'G-7K3QF2', '--as='], ['--as needs a value']],
  [['evidence', 'G-7K3QF2', '--as', 'a', '--as', 'b'], ['--as is given twice']],
  [
    ['evidence', 'G-7K3QF2', '--as', 'ana', '--wait', 'long'],
    ['--wait "long"', '5s'],
  ],
  [['verify'], ['verify needs a file, or --log']],
  [['verify', 'a.json', '--log'], ['not both']],
  [
    ['verify', 'a.json', '--json=yes'],
    ['--json takes no value', '"yes"'],
  ],
  [['verify', '--log', '--key', 'k'], ['Leave --key out']],
  [
    ['target', 'setup-sql', 'oracle', '--role', 'r'],
    ['"oracle"', 'Write postgres'],
  ],
  [['target', 'setup-sql', 'postgres'], ['--role ledger_read']],
])('refuses %j, naming what is wrong and what to write', async (args, said) => {
  const ran = await countersign(args)
  expect(ran).toMatchObject({ code: 2, out: '' })
  for (const words of said) expect(ran.err).toContain(words)
})

it('says what is missing in the configuration, all at once and without its secrets', async () => {
  const { code, out, err } = await countersign(['verify', '--log'], {
    DATABASE_URL: 'postgres://app:swordfish@127.0.0.1:1/x',
  })
  expect({ code, out }).toEqual({ code: 1, out: '' })
  for (const name of ['SIGNING_KEY_FILE', 'MAC_KEY_FILE', 'POLICY_FILE']) expect(err).toContain(name)
  expect(err).not.toContain('swordfish')
})

import { type Arguments, type Form, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode } from './terminal.ts'

/** A command, loaded when it is asked for: `verify` must not need what a server needs. */
export interface Command extends Form {
  readonly about: string
  run(given: Arguments): Promise<ExitCode>
}

const AS = { value: '<person>', required: 'every act carries a named person, by the id that the policy gives them' }

export const COMMANDS: readonly Command[] = [
  {
    ...{ name: 'serve', words: [], flags: {} },
    about: 'runs one process until it is stopped, as npm start does',
    run: async () => {
      const { runProcess } = await import('../app/run-process.ts')
      runProcess()
      return DONE
    },
  },
  {
    ...{ name: 'migrate', words: [], flags: {} },
    about: 'brings the schema of the database to this version',
    run: async () => (await import('./migrate.ts')).migrateSchema(),
  },
  {
    ...{ name: 'policy check', words: ['<file>'], flags: {} },
    about: 'names every fault of a policy file, with its line and the remedy',
    run: async (given) => (await import('./policy-check.ts')).policyCheck(given),
  },
  {
    ...{ name: 'policy activate', words: ['<hash or file>'], flags: { as: AS } },
    about: 'puts a policy that a process has loaded into force',
    run: async (given) => (await import('./policy-activate.ts')).policyActivate(given),
  },
  {
    ...{
      name: 'evidence',
      words: ['[id]'],
      flags: {
        as: AS,
        ...{ person: { value: '<person>' }, target: { value: '<target>' }, period: { value: '<2026-Q4>' } },
        ...{ from: { value: '<day>' }, to: { value: '<day>' }, withhold: {} },
        format: { value: '<json, html or csv>' },
        out: { value: '<file>' },
        ...{ earlier: { value: '<note file>', repeats: true }, key: { value: '<vkey>' } },
        wait: { value: '<duration>' },
      },
    },
    about:
      'writes all that is on record about a grant, an order or the freezes of a target, or about all grants of a period',
    run: async (given) => (await import('./evidence.ts')).evidence(given),
  },
  {
    ...{
      ...{ name: 'digest', words: ['[week]'] },
      flags: { as: AS, out: { value: '<file>' }, list: { value: '<name>' }, json: {} },
    },
    about: 'says what happened in a week: what must be looked at first, and the list behind every number',
    run: async (given) => (await import('./digest.ts')).digest(given),
  },
  {
    ...{
      name: 'verify',
      words: ['[file]'],
      flags: {
        ...{ key: { value: '<vkey>' }, log: {}, from: { value: '<s3:bucket/…>' } },
        ...{ wait: { value: '<duration>' }, resume: { value: '<file>' }, json: {} },
        earlier: { value: '<note file>', repeats: true },
      },
    },
    about: 'checks an evidence file by itself, or with --log the whole record, also --from a bucket alone',
    run: verify,
  },
  {
    ...{ name: 'leavers', words: [], flags: { json: {} } },
    about: 'lists who left, with when it took effect, was received, ended and was seen to be gone',
    run: async (given) => (await import('./leavers.ts')).leavers(given),
  },
  {
    ...{ name: 'key', words: [], flags: { json: {} } },
    about: "prints the log's verifier key, to be given to an auditor",
    run: async (given) => (await import('./key.ts')).key(given),
  },
  {
    ...{
      ...{ name: 'record new-origin', words: ['<name>'] },
      flags: { as: AS, 'lost-key': { value: '<vkey>' }, reason: { value: '<text>' } },
    },
    about: 'goes on under a new name after a restore that lost events, or without a signing key that is lost',
    run: async (given) => (await import('./record-new-origin.ts')).recordNewOrigin(given),
  },
  {
    ...{ name: 'record new-signer', words: [], flags: { as: AS } },
    about: 'lets the next key sign the log, while processes run',
    run: async (given) => (await import('./record-new-signer.ts')).recordNewSigner(given),
  },
  {
    ...{ name: 'record retire-mac-key', words: [], flags: { as: AS } },
    about: 'lets nothing new count under the MAC keys of before',
    run: async (given) => (await import('./record-retire-mac-key.ts')).recordRetireMacKey(given),
  },
  {
    ...{ name: 'smoke', words: ['<slack, teams or s3>'], flags: { as: AS } },
    about:
      'tries the real chat or bucket: posts a card and writes to the one who asks, or locks an object for a minute',
    run: async (given) => (await import('./smoke.ts')).smoke(given),
  },
  {
    ...{ name: 'target setup-sql', words: ['postgres'] },
    flags: {
      role: { value: '<role>', repeats: true },
      bot: { value: '<name>' },
      'all-databases': {},
      'no-activity': {},
    },
    about: 'prints what the DBA of a target runs once',
    run: async (given) => (await import('./target-setup-sql.ts')).targetSetupSql(given),
  },
]

async function verify(given: Arguments): Promise<ExitCode> {
  if (given.value('from') !== '') return verifyFrom(given)
  if (given.value('resume') !== '' && !given.isOn('log'))
    throw new UsageWrong('--resume is for the whole record in the database. Write --log too')
  const isFile = given.word(0) !== ''
  if (isFile === given.isOn('log')) throw new UsageWrong('verify needs a file, or --log, and not both')
  if (given.isOn('log') && given.value('key') !== '') {
    throw new UsageWrong('verify --log takes the key from the configuration. Leave --key out')
  }
  if (isFile && given.value('wait') !== '') throw new UsageWrong('A file has nothing to wait for. Leave --wait out')
  if (isFile) return (await import('./verify-file.ts')).verifyFile(given)
  return (await import('./verify-log.ts')).verifyWholeLog(given)
}

async function verifyFrom(given: Arguments): Promise<ExitCode> {
  if (!given.isOn('log') || given.word(0) !== '')
    throw new UsageWrong('--from is for the whole record. Write --log too, and no file')
  if (given.value('key') === '') {
    throw new UsageWrong('verify --log --from needs --key <vkey>, which came to you by another way than the bucket')
  }
  if (given.value('resume') !== '') throw new UsageWrong('A bucket is checked in one go. Leave --resume out')
  if (given.value('wait') !== '') throw new UsageWrong('What lies in a bucket is not waited for. Leave --wait out')
  return (await import('./verify-bucket.ts')).verifyFromBucket(given)
}

import { execFile } from 'node:child_process'
import { generateKeyPairSync, hash } from 'node:crypto'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { closeDb, openDb } from '../../src/db/client.ts'
import { SEALER_LOCK } from '../../src/record/sealer.ts'
import { formatVkey } from '../../src/record/verify.ts'
import { countersign, type Ran } from '../support/command-line.ts'
import { type House, idOn, openHouse, type Replica, until } from '../support/house.ts'

// A command is a process of its own, and a busy machine starts them slowly.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const VERIFIER = 'test/verifier/verify_evidence.py'
const REASON = 'fix the ledger'
let house: House
let replica: Replica
let id: string
let vkey: string
let file: string

beforeAll(async () => {
  house = await openHouse()
  replica = await house.startReplica()
  id = idOn(await replica.command('ana', `prod-db 2s ${REASON}`))
  await replica.press('marcus', 'approve', id)
  await until('it is removed', async () => {
    const [row] = await house.db`select status from grant_state where id = ${id}`
    return row?.status === 'removed'
  })
  // Too late: recorded in a stream beside the closed one.
  await replica.press('olga', 'approve', id)
  vkey = (await run('key')).out.trim()
  file = house.file('evidence.json')
})
afterAll(() => house.close())

const run = (...args: string[]) => countersign(args, house.environment)
/** An auditor: nothing but the file and the key. */
const audit = (...args: string[]) => countersign(['verify', ...args])

describe('evidence', () => {
  it('takes out a whole grant with its reasons, for one pair of eyes, and verifies without us', async () => {
    const ran = await run('evidence', id.toLowerCase(), '--as', 'carla', '--out', file)
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect((await stat(file)).mode & 0o777).toBe(0o600)
    const evidence = JSON.parse(await readFile(file, 'utf8'))
    expect(evidence).toMatchObject({ format: 'countersign-evidence/1', origin: 'test.example/log', verifierKey: vkey })
    expect(evidence.reveals).toContainEqual(expect.objectContaining({ path: 'reason', value: REASON }))

    const verified = await audit(file, '--key', vkey)
    expect(verified).toMatchObject({ code: 0, err: '' })
    expect(verified.out.split('\n')[0]).toMatch(/^VERIFIED: /)
    expect(verified.out).toMatch(new RegExp(`grant:${id}: complete: \\d+ events, closed`))
    expect(verified.out).toContain(`after:grant:${id}: complete up to leaf`)
    expect(verified.out).toContain('grant.removed')
    for (const out of [ran.out, verified.out]) {
      expect(out).toContain(`${id}: authorised, ended on time, seen gone`)
      expect(out).toContain('not proved: activity: not collected')
      expect(out).not.toContain('what the policy')
    }
    expect(verified.out).toMatch(/Signed: \S+ by Marcus \(marcus\) as manager \(click only, AAL not claimed\)/)
    const { fingerprint } = JSON.parse((await run('key', '--json')).out)
    expect(verified.out).toContain(fingerprint)
  })

  it('says who keeps it, and that nobody out of the operators’ reach does; so does readiness', async () => {
    const lack = 'not independent: 1 witness out of the operators’ reach should keep the evidence, and 0 did'
    const verified = await audit(file, '--key', vkey)
    expect(verified.out).toMatch(/Kept by: file \(weak, administered by .+\)/)
    expect(verified.out).toContain(`not proved: ${lack}`)
    const ready = (await (await fetch(`${replica.url}/readyz`)).json()) as { checks: Record<string, unknown>[] }
    expect(JSON.stringify(ready)).toContain(lack)
    for (const [name, state, says] of [
      ['verification', 'ok', /^not yet run: .*; the record began /],
      ['keeping', 'degraded', /^carla alone may hold and erase, which takes two: name keepers; 0 held/],
    ]) {
      expect(ready.checks).toContainEqual({ name, state, detail: expect.stringMatching(says ?? '') })
    }
  })

  it('verifies by the second verifier too, which shares nothing with ours', async () => {
    const { stdout } = await promisify(execFile)('python3', ['-B', VERIFIER, file, '--key', vkey])
    expect(stdout).toMatch(/^verified\n/)
    expect(stdout).toContain(`'grant:${id}' is complete\n`)
  })

  it('puts on record who took it out, before it leaves', async () => {
    const opened = await eventsOf('system', 'evidence.opened')
    expect(opened).toEqual([{ by: 'carla', about: id }])
  })

  it('goes to a pipe as nothing but the file', async () => {
    const { code, out } = await run('evidence', id, '--as', 'carla')
    expect(code).toBe(0)
    expect(JSON.parse(out).events.length).toBeGreaterThan(10)
  })

  it.each(['html', 'csv'])('writes %s for people, with a manifest beside it', async (format) => {
    const out = house.file(`evidence.${format}`)
    const ran = await run('evidence', id, '--as', 'carla', '--out', out, '--format', format)
    expect(ran).toMatchObject({ code: 0, err: '' })
    const [content, manifest] = [await readFile(out), JSON.parse(await readFile(`${out}.manifest.json`, 'utf8'))]
    expect(manifest).toMatchObject({
      ...{ report: `evidence on ${id}`, runBy: 'carla', parameters: { id, format } },
      file: { name: `evidence.${format}`, sha256: hash('sha256', content, 'hex') },
    })
    expect(manifest.rows).toBeGreaterThan(10)
    expect((await stat(`${out}.manifest.json`)).mode & 0o777).toBe(0o600)
    expect(content.toString()).toContain(format === 'html' ? 'authorised, ended on time, seen gone' : 'grant.removed')
  })

  it('refuses a format that it does not know, and one that has no place for its manifest', async () => {
    const [odd, piped] = await Promise.all([
      run('evidence', id, '--as', 'carla', '--format', 'pdf'),
      run('evidence', id, '--as', 'carla', '--format', 'csv'),
    ])
    expect(odd).toMatchObject({ code: 2, out: '' })
    expect(odd.err).toContain('--format "pdf" is none. Write json, html, csv')
    expect(piped).toMatchObject({ code: 2, out: '' })
    expect(piped.err).toContain('--format csv needs --out')
  })

  it('never writes over a file', async () => {
    const before = await readFile(file, 'utf8')
    const ran = await run('evidence', id, '--as', 'carla', '--out', file)
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain(`${file} is there already`)
    expect(await readFile(file, 'utf8')).toBe(before)
    await writeFile(house.file('half.json.manifest.json'), 'kept')
    const half = await run('evidence', id, '--as', 'carla', '--out', house.file('half.json'))
    expect(half).toMatchObject({ code: 1, out: '' })
    await expect(stat(house.file('half.json'))).rejects.toThrow('ENOENT')
    expect(await readFile(house.file('half.json.manifest.json'), 'utf8')).toBe('kept')
  })

  it('refuses who is not an active person, names who is, and keeps that on record', async () => {
    const out = house.file('never.json')
    const ran = await run('evidence', id, '--as', 'caral', '--out', out)
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('"caral" is no person of the policy in force. Did you mean carla? Known are ana, bo,')
    await expect(stat(out)).rejects.toThrow('ENOENT')
    const [refused] = await eventsOf('stranger:%', 'act.refused')
    expect(refused).toMatchObject({ by: null, act: 'take out evidence', code: 'unknown-person' })
    expect(JSON.stringify(refused)).not.toContain('caral')
  })

  it('refuses an id that is none, and one of which nothing is on record', async () => {
    const [none, unknown] = await Promise.all([
      run('evidence', 'G-1', '--as', 'carla'),
      run('evidence', 'G-000000', '--as', 'carla'),
    ])
    expect(none).toMatchObject({ code: 1, out: '' })
    expect(none.err).toContain('"G-1" is no id of a grant')
    expect(unknown).toMatchObject({ code: 1, out: '' })
    expect(unknown.err).toContain('Nothing is on record about G-000000')
    const refused = await eventsOf('person:carla', 'act.refused')
    expect(refused.map(({ code }) => code).toSorted()).toEqual(['malformed', 'unknown-grant'])
    const finding = await run('evidence', 'F-000000', '--as', 'carla')
    expect(finding.err).toContain('Nothing is on record about F-000000. Look it up with /access findings')
  })
})

describe('digest', () => {
  it('says what happened, writes a page with its manifest, and the whole list behind a number', async () => {
    const said = await run('digest', 'this', '--as', 'carla')
    expect(said).toMatchObject({ code: 0, err: '' })
    expect(said.out).toMatch(/^2\d{3}-W\d\d: .*1 asked, 1 given, 1 ended/)
    const page = house.file('digest.html')
    expect(await run('digest', 'this', '--as', 'carla', '--out', page)).toMatchObject({ code: 0, err: '' })
    const content = await readFile(page)
    const manifest = JSON.parse(await readFile(`${page}.manifest.json`, 'utf8'))
    expect(manifest.file).toMatchObject({ bytes: content.length, sha256: hash('sha256', content, 'hex') })
    expect(manifest).toMatchObject({ runBy: 'carla', checkpoint: { origin: 'test.example/log' } })
    const list = await run('digest', 'this', '--list', 'granted', '--as', 'carla')
    expect(list.out.trim().split('\r\n')).toHaveLength(2)
    expect(list.out).toMatch(new RegExp(`\\d+,2.*Z,grant:${id},\\d+,grant.active,ana,prod-db:read,,`))
    expect(await eventsOf('system', 'digest.opened')).toHaveLength(3)
  })

  it('is for compliance and those who are told of faults: everybody else is refused, on record', async () => {
    const ran = await run('digest', 'this', '--as', 'ana')
    expect(ran).toMatchObject({ code: 1, out: '' })
    expect(ran.err).toContain('compliance')
    expect(await eventsOf('person:ana', 'act.refused')).toContainEqual(
      expect.objectContaining({ act: 'take out the digest', code: 'may-not-read-digest' }),
    )
  })
})

describe('evidence on a period', () => {
  const today = new Date().toISOString().slice(0, 10)
  const period = ['--from', today, '--to', today, '--as', 'carla'] as const
  const verifiedBy = async (file: string) => {
    const theirs = await promisify(execFile)('python3', ['-B', VERIFIER, file, '--key', vkey]).catch((error) => error)
    return theirs.stdout.split('\n')[0]
  }

  it('has every request, and the other leaves: both verifiers find that none is missing but of what is still to come', async () => {
    const out = house.file('period.json')
    const ran = await run('evidence', '--target', 'prod-db', ...period, '--out', out)
    expect(ran).toMatchObject({ code: 0 })
    expect(ran.out).toContain('1 asked for: 1 authorised, ended on time, seen gone.')
    expect(ran.err).toContain('Not shown to be complete: the witnessed log may end before the period and an hour more')
    const manifest = JSON.parse(await readFile(`${out}.manifest.json`, 'utf8'))
    expect(manifest).toMatchObject({
      ...{ report: `evidence on prod-db, ${today}..${today}`, rows: 1, runBy: 'carla' },
      parameters: { population: 'grants', target: 'prod-db', others: 'shown' },
      period: { boundary: expect.stringContaining('both days included'), zone: expect.any(String) },
      file: { name: 'period.json', sha256: hash('sha256', await readFile(out), 'hex') },
    })
    const verified = await audit(out, '--key', vkey)
    expect(verified.code).toBe(1)
    expect(verified.out).toMatch(/^INCOMPLETE: /)
    expect(verified.out).toContain('NOT SHOWN TO BE COMPLETE: the log of this file ends at')
    expect(verified.out).toMatch(new RegExp(`${id} .* ana  prod-db:read  authorised, ended on time, seen gone`))
    expect(verified.out).toContain('of which 0 are withheld')
    expect(await verifiedBy(out)).toBe('incomplete')
    expect(JSON.parse((await audit(out, '--key', vkey, '--json')).out).grants).toMatchObject([{ grant: id, by: 'ana' }])
    expect((await eventsOf('system', 'population.opened')).at(-1)).toMatchObject({
      by: 'carla',
      target: 'prod-db',
      person: null,
    })
  })

  it.each(['html', 'csv'])('is written as %s, with a manifest', async (format) => {
    const out = house.file(`period.${format}`)
    const ran = await run('evidence', '--person', 'ana', ...period, '--out', out, '--format', format)
    expect(ran).toMatchObject({ code: 0 })
    const content = await readFile(out, 'utf8')
    expect(content).toContain('authorised, ended on time, seen gone')
    expect(content).toContain(REASON)
    const manifest = JSON.parse(await readFile(`${out}.manifest.json`, 'utf8'))
    expect(manifest).toMatchObject({
      parameters: { person: 'ana', format },
      file: { sha256: hash('sha256', content, 'hex') },
    })
  })

  it('shows nothing of others where that is asked for, and says that nobody can tell whether any is missing', async () => {
    const out = house.file('withheld.json')
    const ran = await run('evidence', '--person', 'bo', ...period, '--withhold', '--out', out)
    expect(ran.err).toContain('what is of others is withheld')
    const content = await readFile(out, 'utf8')
    for (const other of ['ana', 'marcus', 'carla', id]) expect(content).not.toContain(other)
    const verified = await audit(out, '--key', vkey)
    expect(verified.out).toContain('NOT SHOWN TO BE COMPLETE: ')
    expect(verified.out).toContain('any may be one of it')
    expect(await verifiedBy(out)).toBe('incomplete')
  })

  it('names whom nobody knows and who may be meant, writes the file all the same, and is no success', async () => {
    const typed = ['--person', 'anna', '--target', 'prod-bd'] as const
    const ran = await run('evidence', ...typed, ...period, '--out', house.file('nobody.json'))
    expect(ran).toMatchObject({ code: 1, out: expect.stringContaining('nothing was asked for') })
    expect(ran.err).toContain('--person "anna": neither the policy in force nor any request on record knows that name')
    expect(ran.err).toContain('Did you mean ana? Known are ana,')
    expect(ran.err).toContain('--target "prod-bd": neither')
    expect(ran.err).toContain('Did you mean prod-db?')
    // Who left the policy and stands on the record is known.
    await house.db`update grant_state set for_identity = 'zoe' where id = ${id}`
    const left = await run('evidence', '--person', 'zoe', ...period, '--out', house.file('left.json'))
    await house.db`update grant_state set for_identity = 'ana' where id = ${id}`
    expect(left.code).toBe(0)
    expect(left.err).not.toContain('zoe')
  })

  it('says how a period is written, and what does not go with an id', async () => {
    const [none, odd, both] = await Promise.all([
      run('evidence', '--person', 'ana', '--as', 'carla'),
      run('evidence', '--period', 'yesterday', '--as', 'carla'),
      run('evidence', id, '--person', 'ana', '--as', 'carla'),
    ])
    expect(none.err).toContain('--from 2026-10-01 --to 2026-12-31 (both days inside), or --period 2026-Q4')
    expect(odd.err).toContain('The period yesterday is not valid. Write a week such as 2026-W47')
    expect(both.err).toContain('--person is for a period. Leave it out, or the id')
  })
})

describe('verify', () => {
  it('calls evidence without a key unanchored, and that is no success', async () => {
    const ran = await audit(file)
    expect(ran.code).toBe(1)
    expect(ran.out.split('\n')[0]).toMatch(/^UNANCHORED: /)
    expect(ran.out).toContain('give it with --key')
  })

  it('refuses evidence under another key', async () => {
    const other = formatVkey('test.example/log', generateKeyPairSync('ed25519').publicKey)
    const differs = await audit(file, '--key', other)
    expectRefused(differs, 'key-differs')
    expect(differs.out).toMatch(/^REFUSED: .* is not evidence under the key that was given\n {2}ask whoever vouches/)
  })

  it('lays what is wrong with the key at the door of the key, and what is cut short at that of the file', async () => {
    const mistyped = await audit(file, '--key', vkey.slice(0, -2))
    expectRefused(mistyped, 'key-malformed')
    expect(mistyped.out).toMatch(/^REFUSED: what was given with --key is no key of a log, so .* was not checked\n/)
    const short = house.file('cut.json')
    await writeFile(short, (await readFile(file, 'utf8')).slice(0, 999))
    const cut = await audit(short, '--key', vkey)
    expectRefused(cut, 'not-json')
    expect(cut.out).toContain('it may be cut short: get it anew, whole')
  })

  it('refuses a file that is not UTF-8, even where no proof covers it', async () => {
    const odd = house.file('odd.json')
    await writeFile(
      odd,
      Buffer.concat([Buffer.from('{"note":"\u00ff",', 'latin1'), (await readFile(file)).subarray(1)]),
    )
    expectRefused(await audit(odd, '--key', vkey), 'malformed')
  })

  it.each<[string, string, (evidence: Evidence) => void]>([
    ['another reason', 'reveal-wrong', ({ reveals: [reveal] }) => Object.assign(reveal ?? {}, { value: 'audit work' })],
    ['another approver', 'proof-wrong', ({ events }) => rewrite(events, 'marcus', 'dirk')],
    ['a moved event', 'proof-wrong', ({ events: [event] }) => Object.assign(event ?? {}, { leafIndex: 0 })],
    ['an event left out', 'chain-broken', ({ events }) => events.splice(2, 1)],
    ['two events exchanged', 'order', ({ events }) => events.reverse()],
    ['an event twice', 'order', ({ events }) => events.splice(0, 0, ...events.slice(0, 1))],
    [
      'a checkpoint of another size',
      'signature-wrong',
      (evidence) => {
        evidence.checkpoint = evidence.checkpoint.replace(/\n(\d+)\n/, '\n9999\n')
      },
    ],
    [
      'another log',
      'origin-differs',
      (evidence) => {
        evidence.origin = 'other.example/log'
      },
    ],
    ['a proof of another event', 'proof-wrong', ({ events: [a, b] }) => Object.assign(a ?? {}, { proof: b?.proof })],
    ['a member that means nothing', 'malformed', ({ events: [event] }) => Object.assign(event ?? {}, { by: 'nobody' })],
  ])('refuses %s, naming the reason', async (_, code, forge) => {
    const evidence = JSON.parse(await readFile(file, 'utf8')) as Evidence
    forge(evidence)
    const forged = house.file('forged.json')
    await writeFile(forged, JSON.stringify(evidence))
    expectRefused(await audit(forged, '--key', vkey), code)
  })

  it('shows that a file continues a checkpoint that somebody kept, where it was made for it', async () => {
    const [row] = await house.db<
      { note: string; size: number }[]
    >`select note, size from checkpoint order by size limit 1`
    const kept = house.file('kept.txt')
    await writeFile(kept, row?.note ?? '')
    expectRefused(await audit(file, '--key', vkey, '--earlier', kept), 'consistency-wrong')
    const made = house.file('made-for-it.json')
    expect(await run('evidence', id, '--as', 'carla', '--out', made, '--earlier', kept)).toMatchObject({
      code: 0,
      err: '',
    })
    const ran = await audit(made, '--key', vkey, '--earlier', kept)
    expect(ran).toMatchObject({ code: 0, err: '' })
    expect(ran.out).toContain(`it continues the checkpoint of size ${row?.size} in ${kept}`)
    await writeFile(kept, row?.note.replace(`\n${row.size}\n`, `\n${row.size + 1}\n`) ?? '')
    expectRefused(await audit(made, '--key', vkey, '--earlier', kept), 'signature-wrong')
    await writeFile(kept, 'hello')
    expect((await audit(made, '--key', vkey, '--earlier', kept)).err).toContain('has no checkpoint')
  })

  it('says the same as JSON', async () => {
    const [good, bad] = await Promise.all([
      audit(file, '--key', vkey, '--json'),
      audit(house.file('forged.json'), '--key', vkey, '--json'),
    ])
    expect(JSON.parse(good.out)).toMatchObject({ verdict: 'verified', key: { verifierKey: vkey } })
    expect(JSON.parse(bad.out)).toMatchObject({ verdict: 'refused', reasons: [{ code: 'malformed' }] })
    expect([good.code, bad.code]).toEqual([0, 1])
  })

  it('lets no file write a verdict on the screen', async () => {
    const evidence = JSON.parse(await readFile(file, 'utf8')) as Evidence
    const forged = house.file('painted.json')
    await writeFile(forged, JSON.stringify({ ...evidence, verifierKey: `x\n\u001b[2JVERIFIED: ${forged}` }))
    const ran = await audit(forged, '--key', vkey)
    expectRefused(ran, 'key-differs')
    expect(ran.out).not.toMatch(/^VERIFIED/m)
    expect(ran.out).not.toContain('\u001b')
  })

  it('says which file it cannot read', async () => {
    expect(await audit('/nowhere/evidence.json', '--key', vkey)).toMatchObject({ code: 1, out: '' })
  })
})

describe('while nothing is sealed', () => {
  it('writes what is witnessed, and says what is not in it', async () => {
    await replica.kill()
    const blocker = openDb(house.cluster.urlFor('countersign'), { applicationName: 'test', max: 1 })
    try {
      await until('the lock is free', async () => {
        const [lock] = await blocker`select pg_try_advisory_lock(${SEALER_LOCK}) as held`
        return lock?.held === true
      })
      replica = await house.startReplica()
      await replica.press('dirk', 'approve', id)
      const late = house.file('late.json')
      const ran = await run('evidence', id, '--as', 'carla', '--out', late, '--wait', '1s')
      expect(ran.code).toBe(1)
      expect(ran.err).toContain(`Not in it: event 2 of after:grant:${id}, because no witness has confirmed`)
      expect((await audit(late, '--key', vkey)).code).toBe(0)
    } finally {
      await closeDb(blocker)
    }
  })

  it('seals what it writes itself when no process runs', async () => {
    await replica.kill()
    const whole = house.file('whole.json')
    const ran = await run('evidence', id, '--as', 'carla', '--out', whole)
    expect(ran).toMatchObject({ code: 0, err: '' })
    const verified = await audit(whole, '--key', vkey)
    expect(verified.code).toBe(0)
    expect(verified.out).toContain(`after:grant:${id} #2`)
  })
})

async function eventsOf(stream: string, type: string): Promise<Record<string, unknown>[]> {
  const rows = await house.db<{ body: string }[]>`
    select body from event where stream like ${stream} and type = ${type} order by at, seq`
  return rows.map(({ body }) => JSON.parse(body).data)
}

function expectRefused(ran: Ran, code: string): void {
  expect(ran.code).toBe(1)
  expect(ran.out.split('\n')[0]).toMatch(/^REFUSED: /)
  expect(ran.out).toContain(`(${code})`)
}

function rewrite(events: Evidence['events'], before: string, after: string): void {
  for (const event of events) event.body = event.body.replaceAll(before, after)
}

interface Evidence {
  origin: string
  checkpoint: string
  events: { leafIndex: number; body: string; proof: string[] }[]
  reveals: { value: string }[]
}

import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import type { UsedData } from '../../src/domain/activity-event.ts'
import type { EvidenceFile } from '../../src/record/evidence.ts'
import { saltedHash } from '../../src/record/verify.ts'
import { evidenceReport } from '../../src/report/evidence-report.ts'
import { ID } from '../cards/grant-story.ts'
import { SALT, signer } from '../record/good-file.ts'
import { signFile, story } from '../record/signed-file.ts'
import { grantFile } from './grant-file.ts'

const AT = Date.UTC(2026, 10, 21, 14)
const about = {
  ...{ id: ID, name: 'evidence', runBy: 'carla', runAt: Date.UTC(2026, 10, 23, 9) },
  build: { version: '0.1.0', commit: 'c'.repeat(40), lockFile: 'd'.repeat(64) },
}
const TEXT = [
  "2026-11-21T14:02:10.120Z 6b0254be.3bb2 statement: select reference, status from payments where status = 'stuck'",
  "2026-11-21T14:03:40.500Z 6b0254be.3bb2 statement: update payments set status = 'settled' where reference = 'INV-2060'",
  "2026-11-21T14:04:01.002Z 6b0254be.3bb2 statement: alter role jit_7k3qf0 password '[scrubbed]'",
].join('\n')

function used(text: string, more: Partial<UsedData> = {}) {
  const address = '6b0254be.3bb2 10.20.30.40:51234'
  const session = {
    id: '6b0254be.3bb2',
    firstAt: AT + 60_000,
    lastAt: AT + 300_000,
    statements: 3,
    began: true,
    ended: true,
  }
  const data = {
    ...{
      target: 'prod-db',
      account: 'jit_7k3qf0',
      person: 'ana',
      file: 'postgresql-2026-11-21.json',
      from: 1200,
      to: 9400,
    },
    ...{ lines: 7, bytes: 2875, sha256: 'ab'.repeat(32), firstAt: AT + 60_000, lastAt: AT + 300_000, statements: 3 },
    ...{ commands: { SELECT: 1, UPDATE: 1, 'ALTER ROLE': 1 }, errors: 0, audited: 0, refusedLogins: 1, scrubbed: 1 },
    ...{ cut: 0, missing: 0, sessions: [session], moreSessions: 0, ...more },
  }
  const hidden = { addresses: { salted: saltedHash(SALT, address) }, text: { salted: saltedHash(SALT, text) } }
  return { body: { at: AT + 400_000, data: { ...data, ...hidden } }, texts: { addresses: address, text } }
}

/** Evidence of a grant that went well, with what was done under it, and what somebody did after. */
async function fileWith(
  text: string,
  { why = [] as string[], after = false, used: more = {} as Partial<UsedData> } = {},
): Promise<EvidenceFile> {
  const grant = await grantFile()
  const { body, texts } = used(text, more)
  const ended = { target: 'prod-db', account: 'jit_7k3qf0', outcome: why.length > 0 ? 'gaps' : 'complete', why }
  const bodies = [
    ...grant.events.map((event) => event.body),
    ...story(
      `activity:${ID}`,
      { ...body, type: 'activity.collected' },
      { type: 'activity.ended', at: AT + 500_000, data: { ...ended, sessions: 1, statements: 3 } },
      { type: 'closed', at: AT + 500_000, data: { count: 3 } },
    ),
    ...(after ? story(`after:grant:${ID}`, { ...body, type: 'activity.after-removal' }) : []),
  ]
  const file = await signFile(signer, bodies)
  const leaves = [grant.events.length, ...(after ? [grant.events.length + 3] : [])]
  const reveals = leaves.flatMap((leafIndex) =>
    Object.entries(texts).map(([member, value]) => ({ leafIndex, path: member, salt: SALT, value })),
  )
  return { ...file, reveals: [...grant.reveals, ...reveals], ...(grant.policies && { policies: grant.policies }) }
}

describe('what was done with an access', () => {
  test('stands in the page: sessions with their address, commands, statements, and where they were read', async () => {
    const { content, conclusion } = evidenceReport(await fileWith(TEXT), 'html', about)
    expect(conclusion?.line).toBe('authorised, ended on time, seen gone')
    const part = conclusion?.parts.find(({ title }) => title === 'Activity')
    expect(part).toMatchObject({ standing: 'shown', says: '1 session, 3 statements; activity complete' })
    for (const words of [
      ...[
        'Ana (ana), as jit_7k3qf0',
        'from 10.20.30.40:51234',
        'bytes 1200 to 9400: 7 lines',
        'ab'.repeat(32),
        'INV-2060',
      ],
      'literals that looked like secrets and are not kept: 1',
    ]) {
      expect(content).toContain(words)
    }
    expect(conclusion?.notProved.join()).not.toContain('not collected')
    expect(conclusion?.notProved.join()).toContain('statements that were planned and never executed')
    if (process.env.PICTURES) writeFileSync(path.join(process.env.PICTURES, 'activity.html'), content)
  })

  test('is not said of whom the access is, where Countersign only looked whether the login works', async () => {
    const session = { id: 'l.1', firstAt: 0, lastAt: 1, statements: 1, began: true, ended: true }
    const { conclusion } = evidenceReport(
      await fileWith(TEXT, { used: { sessions: [session], statements: 1, commands: { SELECT: 1 }, aheadMs: 0 } }),
      'html',
      about,
    )
    const facts = conclusion?.parts.find(({ title }) => title === 'Activity')?.facts ?? []
    expect(facts.map(({ label }) => label)).not.toContain('Session')
    expect(facts).toContainEqual(
      expect.objectContaining({ label: 'Our own look', value: expect.stringContaining('before it was handed out') }),
    )
    expect(facts).toContainEqual({ label: 'Commands', value: 'SELECT 1; 1 of them our own' })
  })

  test('is named with its gaps, and when it was used after its removal the line says so', async () => {
    const gap =
      'from 2026-11-21T14:00:00.000Z to 2026-11-21T14:01:00.000Z: the file a.json is gone; it was read to byte 7'
    const { conclusion } = evidenceReport(await fileWith(TEXT, { why: [gap], after: true }), 'html', about)
    expect(conclusion).toMatchObject({
      standing: 'broken',
      line: 'authorised, ended on time, seen gone, used after its removal',
    })
    expect(conclusion?.notProved).toContain(`activity: gaps: ${gap}`)
  })

  test.each([
    '</script><img src=x onerror=alert(1)>',
    '\u202Egnp.ylno-daer',
    '=HYPERLINK("http://x")',
    'a\u0000\u0007b',
  ])('cannot break out of page or table by what somebody typed: %j', async (typed) => {
    const file = await fileWith(`2026-11-21T14:02:10.120Z 6b0254be.3bb2 statement: ${typed}`)
    const [shown = ''] = evidenceReport(file, 'html', about).content.split('<script type="application/json"')
    const table = evidenceReport(file, 'csv', about).content
    expect(shown).not.toContain('<img')
    for (const unseen of ['\u202E', '\u0007', '\u0000']) expect(shown + table).not.toContain(unseen)
    expect(table).not.toMatch(/(^|,)"?=/m)
  })
})

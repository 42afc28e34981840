import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { findSecret, withholdSecrets } from '../../src/secrets/find-secret.ts'

const digits = (count: number) => 'a1B2c3D4e5F6g7H8i9J0'.repeat(6).slice(0, count)

it.each([
  ['a private key', '-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----'],
  ['an AWS key', 'use AKIAQ3EGRIJ2XK7ABCDE for now'],
  ['an AWS secret', 'AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYabcdEFGHIJ'],
  ['a token of GitHub', `ghp_${digits(36)}`],
  ['a token of Slack', 'xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx'],
  ['a key of Stripe', 'sk_live_abcdefghijklmnopqrstuvwx'],
  ['a bearer token', 'curl -H "Authorization: Bearer abcdefghijklmnop"'],
  ['a JSON Web Token', 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9P'],
  ['the address of a database', 'postgres://app:pa55word@db.prod/ledger'],
  ['a password that is set', 'password=hunter2'],
  ['a password that is told', 'the password is Tr0ub4dor!'],
  ['a password after a colon', 'pwd: `s3cret-one`'],
  ['a password in other words', 'das Kennwort ist Tr0ub4dor!, pw -> Tr0ub4dor!'],
  ['a password in a statement', "alter role app password 'hunter2!'"],
  ['a password on a command line', 'curl -s -u app:Tr0ub4dor! https://ledger'],
  ['a password with a sign in it that is not seen', 'pass\u200bword = hunter2'],
  ['a key of AWS with a sign in it that is not seen', 'AKIA\u00adQ3EGRIJ2XK7ABCDE'],
  ['a password in wide letters', 'ｐａｓｓｗｏｒｄ＝hunter2'],
  ['a key that no rule knows', `take ${Buffer.from('0123456789abcdefghijklmnopqrst').toString('base64')}K9x2Lm`],
])('%s is found', async (_what, text) => {
  expect(await findSecret(text)).not.toBeNull()
})

it('random keys of every length are found, nearly all', async () => {
  for (const bytes of [24, 32, 48]) {
    const found = await Promise.all(
      Array.from({ length: 200 }, () => findSecret(`here: ${randomBytes(bytes).toString('base64url')}`)),
    )
    expect(found.filter((kind) => kind !== null).length).toBeGreaterThan(180)
  }
})

it.each([
  'I looked at the ledger, the row 4711 is doubled. Fixed with one update, see INC-42.',
  'What is the password policy? The token: see the wiki. It is a secret: nobody knows.',
  'commit 71f62aea0c3b1a9f2e4d5c6b7a8990a1b2c3d4e5 and sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
  'https://docs.google.com/document/d/1AbCdEfGhIjKlMnOpQrStUvWxYz0123456789/edit',
  '/var/lib/postgresql/17/main/base/16384/pg_internal.init.20261122',
  'select sum(amountInCents) from LedgerEntriesOfTheYear2026 where customerNumber = 12345678901234567890',
  'The password is known to nobody. All tests pass: see the run. I ran mysql -p and curl -u app. This is the token’s owner.',
  'G-7K3QF2, R-7K3QF2, 123e4567-e89b-12d3-a456-426614174000',
  'com.example.ledger.booking.DoubleEntryBookingServiceImplementationFactory2',
  '',
])('ordinary talk is not: %s', async (text) => {
  expect(await findSecret(text)).toBeNull()
})

it('what a machine said is kept without the secrets in it, and as it is without any', async () => {
  const said = (secret: string) => `prod-db: refused (42601: near "${secret}"), the role jit_ana_g7k3qf2 owns 2 tables`
  for (const secret of [
    ...['password=hunter2!', `ghp_${digits(36)}`, 'postgres://app:pa55word@db.prod/ledger', 'AKIAQ3EGRIJ2XK7ABCDE'],
    ...[randomBytes(32).toString('base64'), 'xoxb-123456789012-1234567890123-AbCdEfGhIjKlMnOpQrStUvWx'],
  ]) {
    const left = await withholdSecrets(said(secret))
    expect(left).not.toContain(secret)
    expect(left).toMatch(/^prod-db: refused \(42601: near .* the role jit_ana_g7k3qf2 owns 2 tables$/)
    expect(await withholdSecrets(left)).toBe(left)
  }
  expect(await withholdSecrets('one pass: ghp_ and sealed at 17, G-7K3QF2')).toBe(
    'one pass: ghp_ and sealed at 17, G-7K3QF2',
  )
})

it('a very long text is gone through once', async () => {
  // Where it were read to its end from each place, this would take longer than a test may.
  for (const part of ['x', 'ab12 ', 'a1B2']) await findSecret(part.repeat(4_000_000 / part.length))
})

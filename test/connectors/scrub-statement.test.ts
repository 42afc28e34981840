import fc from 'fast-check'
import { expect, test } from 'vitest'
import { looksSecret, scrubStatement } from '../../src/connectors/postgres/scrub-statement.ts'

const S = "'[scrubbed]'"

test.each([
  ["alter role x password 'hunter2'", `alter role x password ${S}`],
  [
    "ALTER/**/USER x WITH PASSWORD E'hun\\'ter2' VALID UNTIL '2030-01-01'",
    `ALTER/* [scrubbed] */USER x WITH PASSWORD ${S} VALID UNTIL ${S}`,
  ],
  ['create role x login password $pw$hun ter2$pw$', `create role x login password ${S}`],
  [
    "create user mapping for x server y options (user 'a', password 'b')",
    `create user mapping for x server y options (user ${S}, password ${S})`,
  ],
  ["select dblink('host=a password=b', 'select 1')", `select dblink(${S}, ${S})`],
  [
    "insert into t values ('api_key', 'short') -- the token is hunter2",
    `insert into t values (${S}, ${S}) /* [scrubbed] */`,
  ],
  ["do $$ begin execute 'alter role x password ''y'''; end $$", `do $$ begin execute ${S}; end $$`],
  ["select 'postgres://me:hunter2@db/x'", `select ${S}`],
  ["select 'sk-abcdefghijklmnopqrstuv'", `select ${S}`],
  ["set local app.jwt = 'short'", `set local app.jwt = ${S}`],
  ["copy t from program 'curl -u me:pw'", `copy t from program ${S}`],
  ['select 1 -- password: hunter2', 'select 1 /* [scrubbed] */'],
  ["alter role x password 'unterminated", `alter role x password ${S}`],
  [
    "insert into t values ('a -- b'); alter role x password 'y'",
    `insert into t values (${S}); alter role x password ${S}`,
  ],
  ["select '/*'; alter role x password 'y' --*/", `select ${S}; alter role x password ${S} /* [scrubbed] */`],
  ["set /* /* */ */ app.jwt = 'short'", `set /* [scrubbed] */ app.jwt = ${S}`],
  ["set größe.jwt = 'short'", `set größe.jwt = ${S}`],
  ['select 1 as "token", $$hunter2$$', `select 1 as "token", ${S}`],
  [
    "create function api_token() returns text language sql as $$ select 'hunter2' $$",
    `create function api_token() returns text language sql as $$ select ${S} $$`,
  ],
  ["alter role x password E'a' -- b\n  'c\\'hunter2'", `alter role x password ${S}`],
  ['copy t from program $$curl -u me:pw$$', `copy t from program ${S}`],
  ["copy t from program'curl -u me:pw'", `copy t from program${S}`],
  ["copy t from program U&'curl -u me:pw'", `copy t from program U&${S}`],
])('%s is kept without its secret', (sql, kept) => {
  expect(scrubStatement(sql).text).toBe(kept)
})

test.each([
  "update payments set status = 'settled' where reference = 'INV-2041'",
  "select * from t where id = '550e8400-e29b-41d4-a716-446655440000' and at > '2026-11-21T14:03:07.123Z'",
  `select "Name" from customers where name = 'O''Brien & Sons, 12 Long Street, Springfield'`,
  'select $1, $2 /* the second is optional */',
])('%s is kept as it is', (sql) => {
  expect(scrubStatement(sql)).toMatchObject({ text: sql, scrubbed: 0 })
})

test('statements are counted by what they begin with, in words of a closed list', () => {
  const sql = `select 1; /* ; */ INSERT into t values (';'); create or replace function f() returns int as $$ select 1; $$ language sql; hunter2 x; drop materialized view v`
  expect(scrubStatement(sql).commands).toEqual(['SELECT', 'INSERT', 'CREATE FUNCTION', 'OTHER', 'DROP VIEW'])
})

test('a comment ends at either sign of an end of line, and what is replaced is named, temporary or not', () => {
  expect(scrubStatement('select 1 -- password\r; drop table t')).toMatchObject({
    ...{ text: 'select 1 /* [scrubbed] */\r; drop table t', commands: ['SELECT', 'DROP TABLE'] },
  })
  expect(scrubStatement('create or replace temp recursive view v as select 1').commands).toEqual(['CREATE VIEW'])
  expect(scrubStatement('alter default privileges in schema s grant select on tables to x').commands).toEqual(['ALTER'])
})

test('dates, words and small numbers are no secrets; hashes and mixed tokens are', () => {
  for (const plain of [
    '2026-11-21 14:03:07+00',
    'an ordinary sentence of some length',
    '/var/lib/postgresql/15/main',
    '1234567890123456789012',
  ]) {
    expect(looksSecret(plain), plain).toBe(false)
  }
  for (const secret of ['9f86d081884c7d659a2feaa0c55ad015', 'aB3dE5fG7hI9jK1lM3nO', 'eyJhbGciOiJIUzI1NiJ9.e30.x']) {
    expect(looksSecret(secret), secret).toBe(true)
  }
})

test('no password of an ALTER ROLE survives, however it is quoted and wherever the statement was cut', () => {
  const secret = fc.stringMatching(/^[b-df-hj-np-tv-z]{8,20}$/)
  const quoted = fc.constantFrom<(word: string) => string>(
    (word) => `'${word}'`,
    (word) => `E'\\'${word}'`,
    (word) => `$$${word}$$`,
    (word) => `$q$ ${word} $q$`,
    (word) => `'it''s ${word}'`,
    (word) => `E'\\\\' -- it's\n '\\'${word}'`,
    (word) => `U&'\\0061${word}' UESCAPE '\\'`,
  )
  const before = fc.constantFrom(
    '',
    "select '--'; ",
    "select '/*', E'\\''; ",
    '/* /* */ " */ ',
    'select 1 as "as"; -- \'\r',
  )
  fc.assert(
    fc.property(secret, quoted, before, fc.nat(40), (word, quote, first, cut) => {
      const sql = `${first}ALTER ROLE jit_g_1 PASSWORD ${quote(`QQ${word}`)}; select 'and ${word}'`
      expect(scrubStatement(sql.slice(0, sql.length - cut)).text).not.toContain('QQ')
    }),
  )
})

test('bodies inside of bodies are read a few deep and taken out below, however deep they go', () => {
  const signs = [...'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_']
  const deep = signs
    .flatMap((a) => signs.map((b) => `do $${a}${b}$ begin x; `))
    .join('')
    .slice(0, 16_384)
  const { text, scrubbed, commands } = scrubStatement(deep)
  expect(text.startsWith('do $aa$ begin x; do $ab$ begin x; ')).toBe(true)
  expect([text.length < 300, scrubbed, commands]).toEqual([true, 1, ['DO']])
})

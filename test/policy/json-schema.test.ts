import { readFileSync } from 'node:fs'
import Ajv2020 from 'ajv/dist/2020.js'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { policyJsonSchema } from '../../src/policy/json-schema.ts'
import { changed, GOOD_POLICY } from './policy-text.ts'

const COMMITTED = 'docs/policy.schema.json'

describe('docs/policy.schema.json', () => {
  const validate = new Ajv2020.default({ strict: false }).compile(JSON.parse(policyJsonSchema()))

  it('is what the schema in the code says', async () => {
    await expect(policyJsonSchema()).toMatchFileSnapshot(`../../${COMMITTED}`)
  })

  it.each(['docs/policy.example.yaml', 'demo/policy.yaml'])(
    'accepts %s, whose first line points editors at it',
    (file) => {
      const text = readFileSync(file, 'utf8')
      const schema = /^# yaml-language-server: \$schema=(\S+)\n/.exec(text)?.[1] ?? ''
      expect(new URL(schema, `file:///${file}`).pathname).toBe(`/${COMMITTED}`)
      expect(validate(parse(text)), JSON.stringify(validate.errors)).toBe(true)
    },
  )

  it('refuses what an editor should mark while one types', () => {
    expect(validate(parse(GOOD_POLICY))).toBe(true)
    for (const [from, to] of [
      ['    manager: E2', '    managr: E2'],
      ['level: write', 'level: root'],
      ['maxDuration: 2h', 'maxDuration: 2 hours'],
      ['[manager, owners]', '[boss]'],
      ['url: env:PROD_DB_URL', 'url: postgres://h/db'],
      ['  prod-db:', '  Prod DB:'],
    ] as const) {
      expect(validate(parse(changed(from, to))), to).toBe(false)
    }
  })
})

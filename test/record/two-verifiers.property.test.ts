import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { ENTRY, good, kept, POLICY, REVEAL, signer } from './good-file.ts'
import { populationFile } from './population-file.ts'
import { askBoth, type Options, type PythonVerifier, startPythonVerifier } from './python-verifier.ts'

let verifier: PythonVerifier
beforeAll(() => {
  verifier = startPythonVerifier()
})
afterAll(() => verifier.stop())

const RUNS = 250
const one = JSON.stringify({
  ...good,
  reveals: [REVEAL],
  consistency: [ENTRY],
  policies: [POLICY],
  note: ['seen', 1],
})
const few = JSON.stringify({ ...good, events: good.events.slice(0, 3), singles: good.events.slice(3) })
const many = await populationFile()
const whole = fc.constantFrom<[string, Options]>(
  [one, { earlier: [kept] }],
  [few, { earlier: [] }],
  [JSON.stringify(many), { vkey: signer.vkey, earlier: [] }],
)

async function expectSame(file: Buffer, options: Options) {
  const { ours, theirs, codes, said } = await askBoth(verifier, file, options)
  expect(theirs, `ours: ${codes}; theirs: ${said}`).toBe(ours)
}

/** What parsers trip over. */
const PIECES = [
  ...'" \\ { } [ ] , : null true 0 1 - . e9 = A + — \u0000 \ufeff \u{1f600}'.split(' '),
  ...' |\n|\\n|\\/|\\"|\\u0000|\\ud800|\\ud83d\\ude00|"a":1,|{"a":[]},|1e400'.split('|'),
]
const piece = fc.oneof(
  fc.constantFrom(...PIECES).map((text) => Buffer.from(text)),
  fc.uint8Array({ minLength: 1, maxLength: 2 }).map((bytes) => Buffer.from(bytes)),
)
const edit = fc.record({ at: fc.nat(), take: fc.nat({ max: 3 }), put: fc.option(piece, { nil: Buffer.alloc(0) }) })

test('both say the same of a file whose bytes were changed, put in or taken out', async () => {
  await fc.assert(
    fc.asyncProperty(whole, fc.array(edit, { minLength: 1, maxLength: 2 }), async ([whole, options], edits) => {
      let file = Buffer.from(whole)
      for (const { at, take, put } of edits) {
        const place = at % file.length
        file = Buffer.concat([file.subarray(0, place), put, file.subarray(place + take)])
      }
      await expectSame(file, options)
    }),
    { numRuns: RUNS },
  )
})

const value = fc.oneof(
  fc.jsonValue({ maxDepth: 2, stringUnit: 'binary' }),
  fc.constantFrom<unknown>(0, 1, 2, 5, -1, 2 ** 53, 1e21, '', 'reason', ...good.events, REVEAL, ENTRY, POLICY, kept),
  fc.constantFrom<unknown>(null, 'E1', 'prod-db', many.population, many.tree, ...many.tree, ...many.events),
)
const how = fc.constantFrom('replaced', 'removed', 'added')

test('both say the same of a file whose members were replaced, removed or added', async () => {
  await fc.assert(
    fc.asyncProperty(whole, fc.infiniteStream(fc.nat()), value, how, async ([whole, options], way, value, how) => {
      const file = JSON.parse(whole)
      const [holder, name] = placeIn(file, way)
      if (how === 'replaced') holder[name] = value
      else if (Array.isArray(holder))
        holder.splice(Number(name), how === 'removed' ? 1 : 0, ...(how === 'removed' ? [] : [value]))
      else if (how === 'removed') delete holder[name]
      else holder[`${name}x`] = value
      await expectSame(Buffer.from(JSON.stringify(file)), options)
    }),
    { numRuns: RUNS },
  )
})

/** Follows the way down into a value, to a member of an object or a list in it. */
function placeIn(value: Record<string, unknown>, way: Iterable<number>): [Record<string, unknown>, string] {
  let holder = value
  let name = ''
  for (const step of way) {
    const names = Object.keys(holder)
    name = names[step % names.length] ?? 'a'
    const inner = holder[name]
    if (step % 3 === 0 || typeof inner !== 'object' || inner === null) break
    holder = inner as Record<string, unknown>
  }
  return [holder, name]
}

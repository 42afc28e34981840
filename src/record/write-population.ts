import type { Db } from '../db/transaction.ts'
import type { PopulationPlan } from './plan-population.ts'
import { readRange } from './read-range.ts'
import type { EventRecord } from './record.ts'
import { parseOrNull, RecordTampered } from './recorded-event.ts'
import { readTree, TreeDamaged } from './tiles.ts'
import { subtreesOf } from './tree.ts'
import { createRow, EVIDENCE_FORMAT, type PolicyText } from './verify.ts'
import type { Witnessed } from './witnessed.ts'

const HASH_BYTES = 32
/** Events, and hashes of subtrees, that are in memory at once. */
const EVENTS_AT_ONCE = 1_000
const NODES_AT_ONCE = 2_000

/**
 * A population as JSON, in pieces: what is in memory grows with the number of grants, not with their events. Every stream is
 * followed and the whole tree laid on the way, so what was written to the end is what the witnesses confirmed.
 * @throws RecordTampered, TreeDamaged, in the middle of it
 */
export async function* writePopulation(
  { record, witnessed }: { readonly record: EventRecord; readonly witnessed: Witnessed },
  db: Db,
  plan: PopulationPlan,
  { zone, withhold, policiesNamed }: PopulationOptions,
): AsyncGenerator<string> {
  const { of, range, checkpoint } = plan
  const written = { hashes: Buffer.alloc(plan.leaves.length * HASH_BYTES), reveals: [] as object[] }
  const streams = new Map<string, { seq: number; hash: string }>()
  const named = new Set<string>()
  const { from, until, person, target } = of
  const claim = { kind: 'grants', from, until, zone, person, target, first: range.first, end: range.end }
  yield `{\n"format": ${JSON.stringify(EVIDENCE_FORMAT)},\n"origin": ${JSON.stringify(witnessed.origin)},\n`
  const { verifierKey, handOvers } = plan.keys
  yield `"verifierKey": ${JSON.stringify(verifierKey)},\n"checkpoint": ${JSON.stringify(checkpoint.note)},\n`
  if (handOvers.length > 0) {
    yield* list('handOvers', handOvers)
    yield ',\n'
  }
  if (plan.consistency.length > 0) {
    yield* list('consistency', plan.consistency)
    yield ',\n'
  }
  yield `"population": ${JSON.stringify(claim)},\n`
  yield* list('events', events())
  yield ',\n'
  yield* list('reveals', written.reveals)
  yield ',\n'
  yield* list('policies', await policiesNamed([...named]))
  yield ',\n'
  yield* list('tree', tree())
  yield '\n}\n'

  async function* events(): AsyncGenerator<object> {
    for (let at = 0; at < plan.leaves.length; at += EVENTS_AT_ONCE) {
      const some = await record.readLeaves(db, plan.log, plan.leaves.slice(at, at + EVENTS_AT_ONCE))
      for (const [place, { leafIndex, stream, seq, prev, hash, body, data, texts, salts }] of some.entries()) {
        const before = streams.get(stream)
        if (seq !== (before?.seq ?? 0) + 1 || prev !== (before?.hash ?? null)) {
          throw new RecordTampered(stream, seq, 'chain-broken')
        }
        streams.set(stream, { seq, hash })
        written.hashes.write(hash, (at + place) * HASH_BYTES, 'hex')
        if (typeof data.policy === 'string') named.add(data.policy)
        for (const [path, value] of Object.entries(texts)) {
          written.reveals.push({ leafIndex, path, salt: salts[path] ?? '', value })
        }
        yield { leafIndex, body, proof: [] }
      }
    }
  }

  async function* tree(): AsyncGenerator<object> {
    const { size, root } = checkpoint.checkpoint
    const row = createRow()
    let own = 0
    const layOwn = () => row.lay(0, written.hashes.subarray(own * HASH_BYTES, ++own * HASH_BYTES))

    /** Up to a leaf, with the file's events in their places and nothing else shown. */
    async function* withheldTo(end: number): AsyncGenerator<object> {
      while (row.size() < end) {
        if (plan.leaves[own] === row.size()) {
          layOwn()
          continue
        }
        const gaps: { height: number; index: number }[] = []
        for (let [at, next] = [row.size(), own]; at < end && gaps.length < NODES_AT_ONCE; ) {
          const until = Math.min(plan.leaves[next] ?? end, end)
          gaps.push(...subtreesOf(at, until))
          at = until
          while (at < end && plan.leaves[next] === at) [at, next] = [at + 1, next + 1]
        }
        const nodes = await readTree(db, plan.log, size, (read) => gaps.map(({ height, index }) => read(height, index)))
        for (const [place, { height, index }] of gaps.entries()) {
          const node = nodes[place] ?? Buffer.alloc(0)
          while (row.size() < index * 2 ** height) layOwn()
          row.lay(height, node)
          yield { height, hash: node.toString('base64') }
        }
      }
    }

    yield* withheldTo(withhold ? size : range.first)
    if (!withhold) {
      const of = { log: plan.log, origin: witnessed.origin }
      for await (const page of readRange(record, db, of, { first: row.size(), end: range.end })) {
        for (const { leaf, body } of page) {
          if (plan.leaves[own] === row.size()) {
            layOwn()
            continue
          }
          const { stream = '', seq = 0 } = parseOrNull(body ?? '') ?? {}
          // Another column hid it from whoever looked for its stream.
          if (streams.has(stream)) throw new RecordTampered(stream, seq, 'column-changed')
          row.lay(0, leaf)
          yield body === null ? { height: 0, hash: leaf.toString('base64') } : { body }
        }
      }
      yield* withheldTo(size)
    }
    if (!row.root().equals(root)) throw new TreeDamaged(`the leaves are not those under the checkpoint of ${size}`)
  }
}

/** An entry a line. */
async function* list(name: string, entries: Iterable<object> | AsyncIterable<object>): AsyncGenerator<string> {
  yield `${JSON.stringify(name)}: [`
  let some: string[] = []
  let before = '\n'
  for await (const entry of entries) {
    some.push(`${before}${JSON.stringify(entry)}`)
    before = ',\n'
    if (some.length === EVENTS_AT_ONCE) {
      yield some.join('')
      some = []
    }
  }
  yield `${some.join('')}${before === '\n' ? ']' : '\n]'}`
}

export interface PopulationOptions {
  /** In which the period was given. */
  readonly zone: string
  /** Whether what does not belong to it is kept back: then nobody can tell from the file that it is complete. */
  readonly withhold: boolean
  /** The texts of policies, by their hashes, as far as they go into the file. */
  policiesNamed(hashes: readonly string[]): Promise<readonly PolicyText[]>
}

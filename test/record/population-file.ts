import { DAY, HOUR, MINUTE } from '../../src/domain/duration.ts'
import { signCheckpoint } from '../../src/record/signer.ts'
import { subtreesOf } from '../../src/record/tree.ts'
import { canonicalJson, EVIDENCE_FORMAT, leafHash, parseVkey } from '../../src/record/verify.ts'
import { signer } from './good-file.ts'
import { createMemoryTree } from './memory-tree.ts'
import { story } from './signed-file.ts'

export const FROM = Date.UTC(2026, 9, 1)
export const UNTIL = Date.UTC(2026, 10, 1)

const asked = (at: number, by: string, target: string, more: object = {}) => ({
  ...{ at, type: 'request.asked', data: { by, for: by, target, entitlement: 'read', ...more } },
})
const closing = (at: number, count: number) => ({ at, type: 'closed', data: { count } })

/** Three grants of October among what is none, in the order of sealing: one begins before it, one ends after it. */
function bodies(): object[] {
  const system = story(
    'system',
    { at: FROM - 2 * DAY },
    { at: FROM - 2 * HOUR },
    { at: FROM + DAY },
    { at: UNTIL + HOUR },
  )
  const a = story('grant:G-A', asked(FROM - MINUTE, 'E1', 'prod-db'), { at: FROM + MINUTE }, closing(FROM + HOUR, 3))
  const b = story('grant:G-B', asked(FROM, 'E1', 'prod-db'), { at: FROM + HOUR }, closing(FROM + 2 * HOUR, 3))
  const c = story('grant:G-C', asked(FROM + DAY, 'E2', 'crm'), { at: FROM + DAY + 1 })
  const d = story('grant:G-D', asked(UNTIL - 1, 'E2', 'prod-db', { for: 'E1' }), closing(UNTIL + 3 * HOUR, 2))
  const e = story('grant:G-E', asked(UNTIL, 'E1', 'prod-db'))
  const all = [system[0], system[1], a[0], b[0], a[1], b[1], a[2], b[2], system[2], c[0], c[1]]
  return [...all, d[0], e[0], system[3], d[1]].flatMap((body) => body ?? [])
}

/**
 * Evidence of all that `claim` selects from that log, whole unless `withhold` says what is not shown.
 * @param options.log other bodies, in their order
 */
export async function populationFile({ claim = {}, withhold = () => false, log = bodies() }: Population = {}) {
  const texts = log.map((body) => canonicalJson(body))
  const tree = createMemoryTree(texts.map((text) => leafHash(text)))
  const size = texts.length
  const range = { first: 1, end: Math.min(14, size) }
  const population = {
    ...{ kind: 'grants', from: FROM, until: UNTIL, zone: 'UTC', person: null, target: null, ...range, ...claim },
  }
  const placed = log.map((body, leafIndex) => ({ leafIndex, ...(body as Body) }))
  const own = new Set(placed.filter((body) => belongs(population, body)).map(({ stream }) => stream))
  const entries: object[] = []
  let next = 0
  const fill = (until: number) => {
    for (const { height, index } of subtreesOf(next, until)) {
      entries.push({ height, hash: tree.read(height, index).toString('base64') })
    }
    next = until
  }
  for (const body of placed) {
    const isShown = body.leafIndex >= population.first && body.leafIndex < population.end && !withhold(body)
    if (!own.has(body.stream) && !isShown) continue
    fill(body.leafIndex)
    if (!own.has(body.stream)) entries.push({ body: texts[body.leafIndex] })
    next = body.leafIndex + 1
  }
  fill(size)
  return {
    format: EVIDENCE_FORMAT,
    origin: parseVkey(signer.vkey).name,
    verifierKey: signer.vkey,
    checkpoint: await signCheckpoint(signer, { size, root: tree.root() }),
    events: placed
      .filter(({ stream }) => own.has(stream))
      .map(({ leafIndex }) => ({ leafIndex, body: texts[leafIndex] ?? '', proof: [] as string[] })),
    reveals: [],
    tree: entries,
    population,
  }
}

export const OCTOBER = bodies()

function belongs(claim: Claim, { stream, seq, at, data }: Body): boolean {
  const isTheirs = claim.person === null || data.by === claim.person || data.for === claim.person
  const isThere = claim.target === null || data.target === claim.target
  return stream.startsWith('grant:') && seq === 1 && at >= claim.from && at < claim.until && isTheirs && isThere
}

interface Population {
  readonly claim?: Partial<Claim>
  readonly withhold?: (body: Body & { leafIndex: number }) => boolean
  readonly log?: readonly object[]
}

interface Claim {
  readonly from: number
  readonly until: number
  readonly person: string | null
  readonly target: string | null
  readonly first: number
  readonly end: number
}

interface Body {
  readonly stream: string
  readonly seq: number
  readonly at: number
  readonly data: Record<string, unknown>
}

/**
 * The statement that appends to one stream, and gives back a row when the stream ended where the events begin. Rows of
 * parameters, not arrays, which cost both sides a fifth more: most appends are of one event. Each text is made once.
 *
 * Parameters: the stream; where it ends, unless it is new: sequence, leaf hash; of each event: sequence, type, version,
 * moment, body, leaf hash, MAC; of each private text: leaf hash, path, salt, sealed text. Hashes and MACs are hex.
 */
export function appendSql(shape: Shape): string {
  const name = `${shape.isNew} ${shape.events} ${shape.texts}`
  const text = made.get(name) ?? compose(shape)
  made.set(name, text)
  return text
}

const made = new Map<string, string>()

function compose({ isNew, events, texts }: Shape): string {
  let given = isNew ? 1 : 3
  const next = (count: number) => Array.from({ length: count }, () => `$${++given}`)
  const added: string[] = []
  const queued: string[] = []
  let end = { seq: '', hash: isNew ? 'null::bytea' : "decode($3, 'hex')" }
  for (let event = 0; event < events; event++) {
    const [seq, type, v, at, body, leafHash, mac] = next(7)
    const own = { seq: `${seq}::bigint`, hash: `decode(${leafHash}, 'hex')` }
    added.push(
      `$1, ${own.seq}, ${type}, ${v}::bigint, ${at}::bigint, ${body}, ${end.hash}, ${own.hash}, decode(${mac}, 'hex')`,
    )
    queued.push(`${own.hash}, ${at}::bigint`)
    end = own
  }
  const kept = Array.from({ length: texts }, () => {
    const [of, path, salt, sealed] = next(4)
    return `decode(${of}, 'hex'), ${path}, ${salt}::bytea, ${sealed}::bytea`
  })
  return `
    with head as (${
      isNew
        ? `insert into stream_head (stream, seq, hash) values ($1, ${end.seq}, ${end.hash}) on conflict do nothing returning 1`
        : `update stream_head set seq = ${end.seq}, hash = ${end.hash}
           where stream = $1 and seq = $2 and hash = decode($3, 'hex') returning 1`
    }),
    added as (insert into event (stream, seq, type, v, at, body, prev, leaf_hash, mac) ${ifMoved(added)}),
    queued as (insert into event_pending (leaf_hash, at) ${ifMoved(queued)})
    ${texts === 0 ? '' : `, kept as (insert into private_text (leaf_hash, path, salt, sealed) ${ifMoved(kept)})`}
    select from head`
}

/** The rows, in their order; none when the head did not move. */
function ifMoved(rows: readonly string[]): string {
  return rows.map((row) => `select ${row} from head`).join(' union all ')
}

interface Shape {
  /** Whether the stream begins here. */
  readonly isNew: boolean
  readonly events: number
  readonly texts: number
}

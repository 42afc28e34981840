import { createHash, randomBytes } from 'node:crypto'

/** The objects of one bucket, under the rules that S3 documents for versions and object lock. All times are epoch ms. */
export function createLockedStore(options: StoreOptions): LockedStore {
  const objects = new Map<string, Version[]>()
  const { lock, versioning, now } = options
  if (lock && !versioning) throw new RangeError('a bucket with object lock keeps versions')

  /** Newest first. */
  const versionsOf = (key: string) => objects.get(key) ?? []
  const isLocked = ({ mode, until }: Version) => mode !== null && (until ?? 0) > now()

  function add(key: string, version: Version): Version {
    const before = versioning ? versionsOf(key) : []
    objects.set(key, [version, ...before])
    return version
  }

  return {
    versionsOf,
    keys: () => [...objects.keys()].filter((key) => versionsOf(key).length > 0).sort(byBytes),
    current(key) {
      const [newest] = versionsOf(key)
      return newest === undefined || newest.isMarker ? null : newest
    },
    put(key, bytes, { contentType, mode, until }) {
      const etag = createHash('md5').update(bytes).digest('hex')
      return add(key, { ...fresh(), isMarker: false, bytes, etag, contentType, mode, until })
    },
    remove(key, id, bypass) {
      if (id === null) {
        if (versioning) {
          const nothing = { bytes: Buffer.alloc(0), etag: '', contentType: '', mode: null, until: null }
          add(key, { ...fresh(), ...nothing, isMarker: true })
        } else objects.delete(key)
        return true
      }
      const version = versionsOf(key).find((one) => one.id === id)
      if (version && isLocked(version) && !(version.mode === 'GOVERNANCE' && bypass)) return false
      objects.set(
        key,
        versionsOf(key).filter((one) => one.id !== id),
      )
      return true
    },
    retain(version, mode, until, bypass) {
      const isWeaker = mode !== version.mode || until < (version.until ?? 0)
      if (isLocked(version) && isWeaker && !(version.mode === 'GOVERNANCE' && bypass)) return false
      Object.assign(version, { mode, until })
      return true
    },
  }

  function fresh() {
    return { id: versioning ? randomBytes(12).toString('hex') : 'null', at: now() }
  }
}

/** S3 lists in the order of UTF-8 bytes. */
function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

export type LockMode = 'COMPLIANCE' | 'GOVERNANCE'

export interface Version {
  readonly id: string
  readonly at: number
  readonly isMarker: boolean
  readonly bytes: Buffer
  readonly etag: string
  readonly contentType: string
  readonly mode: LockMode | null
  readonly until: number | null
}

export interface StoreOptions {
  readonly lock: boolean
  readonly versioning: boolean
  now(): number
}

export interface LockedStore {
  versionsOf(key: string): readonly Version[]
  keys(): string[]
  current(key: string): Version | null
  put(key: string, bytes: Buffer, about: Pick<Version, 'contentType' | 'mode' | 'until'>): Version
  /** @param id null lays a delete marker @returns false when the lock forbids it */
  remove(key: string, id: string | null, bypass: boolean): boolean
  /** @returns false when the lock forbids it */
  retain(version: Version, mode: LockMode, until: number, bypass: boolean): boolean
}

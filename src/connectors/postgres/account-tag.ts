/** What stands in the account's comment: the grant, and the log on which it is recorded. */
export function tagOf({ grantId, origin }: AccountTag): string {
  return origin === null ? `countersign grant ${grantId}` : `countersign grant ${grantId} of ${origin}`
}

/** Null when it is not Countersign's. */
export function parseTag(text: string | null): AccountTag | null {
  const [, grantId, origin = null] = /^countersign grant (\S+)(?: of (.+))?$/.exec(text ?? '') ?? []
  return grantId === undefined ? null : { grantId, origin }
}

interface AccountTag {
  readonly grantId: string
  /** Null in tags of before the origin was written. */
  readonly origin: string | null
}

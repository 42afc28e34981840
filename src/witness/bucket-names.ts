const DIGITS = 16

/**
 * Where a log lies in a bucket: `<prefix>/<origin>/`, and below it the files of C2SP tlog-tiles. In the origin what is no
 * letter, digit, dash or inner dot stands as `_` and its bytes in hex, so that two origins never share a folder.
 */
export function folderOf(prefix: string, origin: string): string {
  const safe = origin.replace(/[^A-Za-z0-9.-]|^\./gu, (sign) =>
    [...Buffer.from(sign, 'utf8')].map((byte) => `_${byte.toString(16).toUpperCase().padStart(2, '0')}`).join(''),
  )
  return `${prefix === '' ? '' : `${prefix}/`}${safe}/`
}

/** The checkpoint of one size: sorted by size, written once. `checkpoint`, as C2SP has it, is written over. */
export function checkpointName(size: number): string {
  return `checkpoints/${String(size).padStart(DIGITS, '0')}`
}

/** Checkpoints at which one key followed another, in a folder of their own: there are few, and they are read first. */
export const HAND_OVERS = 'hand-overs/'

export function handOverName(size: number): string {
  return `${HAND_OVERS}${String(size).padStart(DIGITS, '0')}`
}

/** Null for a name that is not ours. */
export function sizeInName(name: string): number | null {
  const digits = /(?:^|\/)checkpoints\/(\d{16})$/.exec(name)?.[1]
  return digits === undefined || !Number.isSafeInteger(Number(digits)) ? null : Number(digits)
}

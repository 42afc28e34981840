import { readS3Place, type S3Place, Wrong } from '../config-variables.ts'
import { counted } from '../domain/counted.ts'
import { quote } from '../policy/fault.ts'
import type { BucketDifference, BucketDifferenceKind } from '../witness/bucket-difference.ts'
import type { PrunedInBucket } from '../witness/follow-pruning.ts'
import { openS3Bucket } from '../witness/s3-bucket.ts'
import { type BucketVerdict, verifyBucket } from '../witness/verify-bucket.ts'
import { fingerprintOf } from './fingerprint.ts'
import { type KeptCheckpoint, readKeptCheckpoints } from './kept-checkpoints.ts'
import { type Arguments, UsageWrong } from './read-arguments.ts'
import { DONE, type ExitCode, instant, NO, oneLine, say, sayJson } from './terminal.ts'

const MOST_LINES = 50

/** Checks the whole record as a bucket holds it: no database, no configuration, no key but the one that is given. */
export async function verifyFromBucket(given: Arguments): Promise<ExitCode> {
  const place = placeOf(given.value('from'))
  const vkey = given.value('key').trim()
  const bucket = openS3Bucket({ ...place, now: null })
  try {
    const kept = await readKeptCheckpoints(given)
    const verdict = await verifyBucket(bucket, place.prefix, vkey, kept)
    const key = { verifierKey: vkey, fingerprint: fingerprintOf(vkey) }
    if (given.isOn('json')) sayJson({ ...verdict, key })
    else for (const line of linesOf(verdict, key.fingerprint, kept)) say(oneLine(line))
    return verdict.ok ? DONE : NO
  } finally {
    bucket.close()
  }
}

/** @throws UsageWrong */
function placeOf(text: string): S3Place {
  if (!text.startsWith('s3:')) {
    throw new UsageWrong(
      `--from ${quote(text)} is no bucket. Write s3:bucket/prefix?region=eu-central-1, as in WITNESSES`,
    )
  }
  const place = readS3Place(text.slice(3), true)
  if (place instanceof Wrong) throw new UsageWrong(`--from ${place.why}`)
  return place
}

function linesOf(
  { ok, origin, size, root, checkpoints, protection, ...verdict }: BucketVerdict,
  fingerprint: string,
  kept: readonly KeptCheckpoint[],
) {
  const { differences } = verdict
  const held = `${counted(size, 'event')} under ${counted(checkpoints, 'signed checkpoint')}`
  const wrong = differences.slice(0, MOST_LINES).map((difference) => `  ${explain(difference)}`)
  const more = differences.length - wrong.length
  return [
    ok
      ? `VERIFIED: the record of ${origin} in the bucket is whole, ${held}`
      : `DOUBT: ${differences.length === 1 ? 'one thing is' : `${differences.length} things are`} not right in the record of ${origin} in the bucket, ${held}`,
    ...wrong,
    ...(verdict.pruned === undefined ? [] : prunedLines(verdict.pruned)),
    ...(more > 0 ? [`  and ${more} more: --json has them`] : []),
    ...(ok ? kept.map((one) => `  it continues the checkpoint of size ${one.size} in ${one.file}`) : []),
    ...(root === null ? [] : [`  the newest checkpoint has the root ${root}`]),
    protection.lock && verdict.lockedUntil !== null
      ? `  the bucket has object lock; of the objects that were read the first lock ends at ${instant(verdict.lockedUntil)}`
      : '  weak: no object lock protects this: whoever may write to the bucket could have rewritten all that no auditor kept',
    ...(protection.versioning
      ? []
      : ['  weak: the bucket keeps no versions, so what was written over or deleted does not show']),
    `  the key that was given has the fingerprint ${fingerprint} (SHA-256)`,
  ]
}

function prunedLines({ leaves, gone, said }: PrunedInBucket): string[] {
  const which = said
    .slice(0, MOST_LINES)
    .map(({ by, at, leaves: of }) => `  pruned: ${of}: ${by} says so, at ${instant(at)}`)
  const more = said.length - which.length
  return [
    `  ${counted(leaves, 'event')} pruned after their retention, of ${gone} the text is not in the bucket any more`,
    ...which,
    ...(more > 0 ? [`  and ${more} more prunings: --json has them`] : []),
  ]
}

function explain({ what, where, at }: BucketDifference): string {
  return `${what}: ${where}: ${MEANINGS[what]}${at === null ? '' : `, at ${instant(at)}`}`
}

const MEANINGS: Readonly<Record<BucketDifferenceKind, string>> = {
  'checkpoint-missing': 'there is none: look whether bucket, prefix and key belong together',
  'checkpoint-forged': 'the key did not sign it for this size',
  'hand-over-forged': 'it is not signed by both keys, or the event that it is about is another',
  'checkpoint-differs': 'the entries do not lead to what it signs',
  'earlier-differs': 'the log in the bucket does not continue the checkpoint that you kept',
  'earlier-forged': 'the checkpoint that you kept is not of this log, or was changed',
  'pointer-differs': 'somebody put it back, or the last writer died before its last step',
  'entry-missing': 'its text is not in the bucket, and no event says that it was pruned',
  'pruned-early': 'it was removed before its time, and an event of ours says so',
  'entry-differs': 'its text is not the one under the checkpoints',
  'tile-differs': 'the tile has another hash than the one under the checkpoints',
  'file-missing': 'it is not in the bucket',
  'file-differs': 'it is not what follows from the entries',
  'file-rewritten': 'something else was written over it; what was locked is still there and was used',
  'file-deleted': 'it was deleted; what was locked is still there and was used',
  'not-locked': 'not in compliance mode, or the lock may not be seen with these credentials',
}

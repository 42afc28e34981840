import { nameOfWitness, type S3Place } from '../config-variables.ts'
import type { Bucket, Writing } from '../witness/bucket.ts'
import { openS3Bucket } from '../witness/s3-bucket.ts'
import { DONE, type ExitCode, instant, NO, oneLine, say } from './terminal.ts'
import { ConfigurationWrong, configuration, withRecord } from './with-record.ts'

/** So long the object that is tried stays locked. */
const LOCK_MS = 60_000

/** Tries every bucket of WITNESSES with the real credentials: whether it is set up, and whether it holds what it locks. */
export async function smokeS3(): Promise<ExitCode> {
  const config = configuration()
  const places = config.witnesses.filter((place) => place.kind === 's3')
  if (places.length === 0)
    throw new ConfigurationWrong('WITNESSES names no bucket. Set it as for the running processes')
  return withRecord<ExitCode>(config, async ({ clock }) => {
    let isGood = true
    for (const place of places) isGood = (await tryPlace(place, clock.now)) && isGood
    return isGood ? DONE : NO
  })
}

async function tryPlace(place: S3Place, now: () => number): Promise<boolean> {
  const bucket = openS3Bucket({ ...place, now })
  say(`${nameOfWitness(place)}, administered by ${oneLine(place.administeredBy)}`)
  try {
    return await tryBucket(bucket, `${place.prefix === '' ? '' : `${place.prefix}/`}smoke/${now()}`, now)
  } catch (error) {
    return tell(false, oneLine(error instanceof Error ? error.message : String(error)))
  } finally {
    bucket.close()
  }
}

async function tryBucket(bucket: Bucket, key: string, now: () => number): Promise<boolean> {
  const { lock, versioning } = await bucket.protection()
  const lockedUntil = Math.ceil((now() + LOCK_MS) / 1000) * 1000
  const writing: Writing = { contentType: 'text/plain; charset=utf-8', lockedUntil: lock ? lockedUntil : null }
  const bytes = Buffer.from('Countersign tried whether it can write here.\n')
  const results = [
    tell(lock, 'the bucket has object lock'),
    tell(versioning, 'the bucket keeps versions'),
    tell(await bucket.add(key, bytes, writing), `write ${key}`),
  ]
  if (await bucket.add(key, bytes, writing)) {
    say('note it heeds no If-None-Match: what a process was killed at is written once more, as another version')
  } else tell(true, 'refuse to write it again where something lies')
  const object = await bucket.read(key)
  results.push(tell(object?.bytes.equals(bytes) === true, 'read it back'))
  if (lock) {
    const until = object?.lockedUntil ? ` until ${instant(object.lockedUntil)}` : ''
    const isLocked = object?.lockMode === 'COMPLIANCE' && object.lockedUntil === lockedUntil
    results.push(tell(isLocked, `see that it is locked: ${object?.lockMode ?? 'no lock is shown'}${until}`))
  }
  for await (const page of bucket.versions({ prefix: key })) {
    for (const { version } of page) {
      const isGone = await bucket.remove(key, version)
      // Where there is no lock, whoever may delete can: that is said above, and the object is gone.
      results.push(lock ? tell(!isGone, 'refuse to delete it, by its lock or for want of the right') : true)
    }
  }
  const clock = bucket.clock()
  const skewMs = clock === null ? 0 : Math.abs(clock.theirs - clock.ours)
  results.push(tell(skewMs <= LOCK_MS, `have the same time as ours: ${Math.round(skewMs / 1000)} s apart`))
  return !results.includes(false)
}

function tell(isGood: boolean, what: string): boolean {
  say(`${isGood ? 'yes ' : 'no  '} ${what}`)
  return isGood
}

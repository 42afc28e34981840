import { grantOfStream } from '../domain/grant-event.ts'
import type { EventRecord } from '../record/record.ts'
import { RecordTampered } from '../record/recorded-event.ts'
import type { Alarm as SealerAlarm } from '../record/take-over.ts'
import type { Alarm } from './context.ts'

/** The same record, which names what it finds changed, whoever reads: a person's act, the timer or the sweep. */
export function namingTampering(record: EventRecord, alarm: (alarm: Alarm) => void): EventRecord {
  const named = async <T>(reading: Promise<T>): Promise<T> => {
    try {
      return await reading
    } catch (error) {
      if (error instanceof RecordTampered) alarm(alarmOf(error))
      throw error
    }
  }
  return {
    ...record,
    readStream: (db, stream) => named(record.readStream(db, stream)),
    readStreams: (db, streams) => named(record.readStreams(db, streams)),
  }
}

export function alarmOf({ stream, message }: RecordTampered): Alarm {
  return { what: 'record-tampered', detail: message, grant: grantOfStream(stream) }
}

export function alarmOfSealer({ code, message, stream }: SealerAlarm): Alarm {
  return { what: code, detail: message, grant: stream === undefined ? null : grantOfStream(stream) }
}

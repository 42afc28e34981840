import type { Completion, LocalPerson } from '../../src/chat/local/local-person.ts'

export const ana = localPerson('ana', 'Ana Silva', 'Engineer, payments')
export const ben = localPerson('ben', 'Ben Okafor', 'Engineering manager')
export const olga = localPerson('olga', 'Olga Lindqvist', 'Owner of prod-db')
const carla = localPerson('carla', 'Carla Reyes', 'Compliance officer')
export const people = [ana, ben, olga, carla]

const durations = ['15m', '30m', '1h', '2h'].map((word) => ({
  word,
  detail: '',
  next: [],
  rest: 'why you need it, with a ticket, such as fix ledger INC-42',
}))

export const completions: readonly Completion[] = [
  { word: 'prod-db', detail: 'read the ledger and payments', next: durations, rest: 'how long: 30m, 2h, 1h30m' },
  { word: 'prod-db:write', detail: 'change them; two signatures', next: durations, rest: 'how long: 30m, 2h' },
  { word: 'list', detail: 'what you may ask for', next: [], rest: null },
  { word: 'mine', detail: 'what you hold and have asked for', next: [], rest: null },
  { word: 'status', detail: 'how one request stands', next: [], rest: 'its id, such as R-7K3QF' },
  { word: 'help', detail: 'everything you can say', next: [], rest: null },
]

function localPerson(id: string, name: string, title: string): LocalPerson {
  return { id, name, title, account: { platform: 'local', tenant: 'local', id: `u-${id}` } }
}

import type { LinkedAccount } from '../domain/identity-event.ts'
import type { Account, Card, Line } from '../ports/chat.ts'
import { capital, code as codeSpan, line, strong, text, time } from './text.ts'

/** `/access link`: the code, and by which accounts the person is known. @param code null where it was shown already */
export function linkCard(facts: {
  readonly code: string | null
  readonly expiresAt: number
  readonly accounts: readonly Account[]
  readonly links: readonly LinkedAccount[]
  /** The identity assurance level that the directory claims. */
  readonly assurance: string | null
}): Card {
  const { code, expiresAt, accounts, links, assurance } = facts
  const how = new Map(links.map((one) => [`${one.platform} ${one.account}`, HOW[one.proof.how]]))
  return {
    ...{ tone: 'info', title: 'Link your account on another chat', badge: null, buttons: [] },
    body: [
      code === null
        ? text('The code was shown once already. ', codeSpan('/access link'), ' makes a new one.')
        : text(
            'Type ',
            codeSpan(`/access link ${code.slice(0, 4)}-${code.slice(4)}`),
            ' there, by ',
            time(expiresAt, 'time'),
            '.',
          ),
      text(strong('Tell it to nobody'), ': whoever types it acts as you from then on.'),
    ],
    facts: [
      ...accounts.map(({ platform, id }) => ({
        label: `On ${capital(platform)}`,
        value: text(codeSpan(id), `, ${how.get(`${platform} ${id}`) ?? 'named in the policy'}`),
      })),
      {
        label: 'Identity assurance',
        value: text(assurance === null ? 'not claimed' : `${assurance}, by the directory`),
      },
    ],
    footer: [],
  }
}

const HOW: Readonly<Record<LinkedAccount['proof']['how'], string>> = {
  'confirmed-email': 'shown by a confirmed e-mail',
  'object-id': 'shown by the directory’s object id',
  code: 'shown by a code',
}

export function linkedLine(name: string): Line {
  return line('done', strong('Linked.'), ` From now on you are ${name} here, too.`)
}

import { acceptanceForm, fixForm, retestForm } from '../cards/finding-forms.ts'
import { checkingLine, settledLine } from '../cards/finding-lines.ts'
import {
  decideAcceptance,
  decideClosing,
  decideDueDate,
  decideFix,
  decideMachineRetest,
  decideRetest,
  decideSecondAcceptance,
  decideTaking,
  mayRetest,
  type Settling,
} from '../domain/decide-finding.ts'
import type { FindingEvent } from '../domain/finding-event.ts'
import type { FindingState } from '../domain/finding-state.ts'
import type { Refused } from '../domain/refusal.ts'
import type { Act, Answer, Form } from '../ports/chat.ts'
import { namesOf } from './card-context.ts'
import type { Context } from './context.ts'
import { appendToFinding, findingOrRefusal } from './finding-store.ts'
import { type Performed, type Performing, performAct } from './perform-act.ts'
import { lookNow, retestOf } from './retest-findings.ts'

/*
 * What people do about a finding. Every act is decided by what is on record of it and by the policy of now: who fixed
 * it does not close it, and neither does whom it is about.
 */

export function takeFinding(context: Context, act: Act, id: string): Promise<Answer> {
  return settle(context, act, id, 'see to the finding', (state, settling) => decideTaking(state, settling))
}

/** `/access findings F-… due 3d why`. */
export function moveDueDate(
  context: Context,
  act: Act,
  id: string,
  asked: { readonly inMs: number; readonly reason: string },
): Promise<Answer> {
  return settle(context, act, id, 'move when it is due', (state, settling) => decideDueDate(state, asked, settling))
}

export function fixFinding(context: Context, act: Act, id: string, done: string): Promise<Answer> {
  return settle(context, act, id, 'say that it is fixed', (state, settling) => decideFix(state, done, settling))
}

export function retestFinding(
  context: Context,
  act: Act,
  id: string,
  seen: { readonly passed: boolean; readonly saw: string },
): Promise<Answer> {
  return settle(context, act, id, 'look whether it is gone', (state, settling) => decideRetest(state, seen, settling))
}

export function acceptFinding(
  context: Context,
  act: Act,
  id: string,
  asked: { readonly forMs: number; readonly reason: string; readonly control: string },
): Promise<Answer> {
  return settle(context, act, id, 'let it rest', (state, settling) => decideAcceptance(state, asked, settling))
}

export function confirmAcceptance(context: Context, act: Act, id: string): Promise<Answer> {
  return settle(context, act, id, 'let it rest', (state, settling) => decideSecondAcceptance(state, settling))
}

export function closeFinding(context: Context, act: Act, id: string): Promise<Answer> {
  return settle(context, act, id, 'close the finding', (state, settling) => decideClosing(state, settling))
}

type Decide = (state: FindingState, settling: Settling) => FindingEvent[] | Refused

/** Under the policy in force: who may is a question of the policy. */
function settle(context: Context, act: Act, id: string, name: string, decide: Decide): Promise<Answer> {
  return performAct(context, act, {
    name,
    decides: true,
    run: async (performing) => {
      const { tx, now } = performing
      const state = await findingOrRefusal(context, performing.tx, id)
      if ('refused' in state) return state
      const facts = decide(state, settlingOf(performing))
      if ('refused' in facts) return { ...facts, finding: id }
      const after = await appendToFinding(context, tx, id, state, facts, now)
      return { answer: { kind: 'line', line: settledLine(after, facts, namesOf(context)) } }
    },
  })
}

/**
 * The button Retest. Where the machine can look, it does: at once, or by reading the whole record. Else a person says
 * what they saw.
 */
export function openRetest(context: Context, act: Act, id: string): Promise<Answer> {
  return performAct(context, act, {
    name: 'look whether it is gone',
    decides: true,
    run: async (performing): Promise<Performed> => {
      const { tx, now, policy } = performing
      const state = await findingOrRefusal(context, performing.tx, id)
      if ('refused' in state) return state
      const may = mayRetest(state, settlingOf(performing))
      if ('refused' in may) return { ...may, finding: id }
      if (retestOf(state) === 'record') {
        await context.enqueue(tx, { kind: 'check-record', whole: true })
        return { answer: { kind: 'line', line: checkingLine(id) } }
      }
      const look = await lookNow(context, tx, state)
      if (look === null) {
        const facts = decideRetest(state, { passed: false, saw: LATER }, settlingOf(performing))
        return 'refused' in facts ? { ...facts, finding: id } : { answer: { kind: 'form', form: retestForm(state) } }
      }
      const facts = decideMachineRetest(state, look, policy.hash)
      const after = facts.length === 0 ? state : await appendToFinding(context, tx, id, state, facts, now)
      return { answer: { kind: 'line', line: settledLine(after, facts, namesOf(context)) } }
    },
  })
}

/** Before anything is written; whoever could not send it anyway is refused at once. */
export function openFindingForm(context: Context, act: Act, id: string, form: keyof typeof FORMS): Promise<Answer> {
  const { name, probe, show } = FORMS[form]
  return performAct(context, act, {
    name,
    decides: true,
    reads: true,
    run: async (performing): Promise<Performed> => {
      const state = await findingOrRefusal(context, performing.tx, id)
      if ('refused' in state) return state
      const facts = probe(state, settlingOf(performing))
      return 'refused' in facts ? { ...facts, finding: id } : { answer: { kind: 'form', form: show(state) } }
    },
  })
}

const LATER = 'words, once they are written'
const FORMS = {
  'fix-finding': {
    name: 'say that it is fixed',
    probe: (state, settling) => decideFix(state, LATER, settling),
    show: fixForm,
  },
  'accept-finding': {
    name: 'let it rest',
    probe: (state, settling) => decideAcceptance(state, { forMs: 1, reason: LATER, control: LATER }, settling),
    show: acceptanceForm,
  },
} satisfies Record<string, { name: string; probe: Decide; show: (state: FindingState) => Form }>

function settlingOf({ by, policy, now }: Performing): Settling {
  return { by: by.id, assurance: 'click-only', policy, now }
}

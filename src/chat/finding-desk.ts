import { readFindingId } from '../domain/finding-event.ts'
import { refuse } from '../domain/refusal.ts'
import type { Act, Answer, FindingAction, FindingForm } from '../ports/chat.ts'
import type { Context } from '../workflow/context.ts'
import { performAct } from '../workflow/perform-act.ts'
import {
  acceptFinding,
  closeFinding,
  confirmAcceptance,
  fixFinding,
  openFindingForm,
  openRetest,
  retestFinding,
  takeFinding,
} from '../workflow/settle-finding.ts'
import { readDuration } from './command.ts'

/** A button on the card of a finding. @param typed what the button carries: it may be tampered with */
export function pressedFinding(context: Context, act: Act, action: FindingAction, typed: string): Promise<Answer> {
  const id = readFindingId(typed)
  if (id === null) return unknown(context, act, 'press a button', typed)
  switch (action) {
    case 'take-finding':
      return takeFinding(context, act, id)
    case 'retest-finding':
      return openRetest(context, act, id)
    case 'fix-finding':
    case 'accept-finding':
      return openFindingForm(context, act, id, action)
    case 'confirm-acceptance':
      return confirmAcceptance(context, act, id)
    case 'close-finding':
      return closeFinding(context, act, id)
    default:
      return action satisfies never
  }
}

export function submittedFinding(
  context: Context,
  act: Act,
  form: FindingForm,
  typed: string,
  values: Readonly<Record<string, string>>,
): Promise<Answer> {
  const id = readFindingId(typed)
  if (id === null) return unknown(context, act, 'send a form', typed)
  switch (form) {
    case 'fix-finding':
      return fixFinding(context, act, id, values.done ?? '')
    case 'retest-finding':
      return retestFinding(context, act, id, { passed: values.passed === 'yes', saw: values.saw ?? '' })
    case 'accept-finding': {
      const forMs = readDuration(values.duration ?? '')
      if (typeof forMs !== 'number') {
        return performAct(context, act, { name: 'let it rest', decides: false, run: async () => forMs })
      }
      return acceptFinding(context, act, id, { forMs, reason: values.reason ?? '', control: values.control ?? '' })
    }
    default:
      return form satisfies never
  }
}

const ACTIONS: Readonly<Record<FindingAction, true>> = {
  ...{ 'take-finding': true, 'fix-finding': true, 'retest-finding': true, 'close-finding': true },
  ...{ 'accept-finding': true, 'confirm-acceptance': true },
}

export function isFindingAction(action: string): action is FindingAction {
  return Object.hasOwn(ACTIONS, action)
}

const FORMS: Readonly<Record<FindingForm, true>> = {
  'fix-finding': true,
  'retest-finding': true,
  'accept-finding': true,
}

export function isFindingForm(form: string): form is FindingForm {
  return Object.hasOwn(FORMS, form)
}

function unknown(context: Context, act: Act, name: string, typed: string): Promise<Answer> {
  const refusal = refuse({ code: 'unknown-finding', said: typed.slice(0, 64) })
  return performAct(context, act, { name, decides: false, run: async () => refusal })
}

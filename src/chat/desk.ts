import { readGrantId } from '../domain/grant-event.ts'
import { readKeepingId } from '../domain/keeping-event.ts'
import { readOrderId } from '../domain/order-event.ts'
import { type Refused, refuse } from '../domain/refusal.ts'
import { readLineId } from '../domain/thread-event.ts'
import type { Act, Answer, Desk, Press, Submission } from '../ports/chat.ts'
import { acknowledgeDigest } from '../workflow/acknowledge-digest.ts'
import { askExtension } from '../workflow/ask-extension.ts'
import { chooseWhereToTell } from '../workflow/choose-where-to-tell.ts'
import { compareClocks } from '../workflow/compare-clocks.ts'
import type { Context } from '../workflow/context.ts'
import { decideGrant } from '../workflow/decide-grant.ts'
import { cancelRequest, endGrant } from '../workflow/end-grant.ts'
import { decideOnPasskey, listPasskeys, newPasskey, resetPasskeys } from '../workflow/enrol-passkey.ts'
import { decideOnKeeping, eraseTextsOf } from '../workflow/erase-person.ts'
import { freezeTarget, liftFreeze } from '../workflow/freeze-target.ts'
import { keepPlatformTime } from '../workflow/keep-platform-time.ts'
import { linkAccount } from '../workflow/link-account.ts'
import { showHelp, showMine, showOffers, showStatus } from '../workflow/look-up.ts'
import { meet } from '../workflow/meet-newcomer.ts'
import { openAskForm, openDenyForm, openExtendForm } from '../workflow/open-form.ts'
import { performAct } from '../workflow/perform-act.ts'
import { liftHold, placeHold } from '../workflow/place-hold.ts'
import { decideOnRedaction, redactLine } from '../workflow/redact-line.ts'
import { requestAccess } from '../workflow/request-access.ts'
import { decideOrder, proposeRevokeAll, showOrder } from '../workflow/revoke-all.ts'
import { moveDueDate } from '../workflow/settle-finding.ts'
import { showConnection } from '../workflow/show-connection.ts'
import { showDigest } from '../workflow/show-digest.ts'
import { showEvidence } from '../workflow/show-evidence.ts'
import { showFinding, showFindings } from '../workflow/show-findings.ts'
import { showPopulation } from '../workflow/show-population.ts'
import { type Command, parseCommand, readAsk, readDuration } from './command.ts'
import { isFindingAction, isFindingForm, pressedFinding, submittedFinding } from './finding-desk.ts'

/**
 * Turns what people do on any platform into verbs. Whatever comes in, an answer goes out; what cannot
 * be understood is refused, and the refusal is on record.
 */
export function createDesk(context: Context, onFault: (error: unknown, act: Act) => string): Desk {
  const answered = async (act: Act, run: (around: Context) => Promise<Answer>): Promise<Answer> => {
    try {
      await compareClocks(context, { ...act, platform: act.account.platform })
      const around = keepPlatformTime(context, act)
      return (await meet(around, act)) ?? (await run(around))
    } catch (error) {
      const reference = onFault(error, act)
      const words = `Something went wrong on our side (${reference}). Nothing was decided; try again.`
      return { kind: 'line', line: { tone: 'alarm', text: [{ kind: 'text', text: words }] } }
    }
  }
  return {
    command: (act, text) =>
      answered(act, (around) => {
        const command = parseCommand(text)
        return 'refused' in command ? refused(around, act, 'use a command', command) : obey(around, act, command)
      }),
    press: (act, press) => answered(act, (around) => pressed(around, act, press)),
    submit: (act, submission) => answered(act, (around) => submitted(around, act, submission)),
  }
}

function obey(context: Context, act: Act, command: Command): Promise<Answer> {
  switch (command.verb) {
    case 'form':
      return openAskForm(context, act)
    case 'help':
      return Promise.resolve(showHelp())
    case 'here':
      return chooseWhereToTell(context, act, command.off)
    case 'list':
      return showOffers(context, act)
    case 'mine':
      return showMine(context, act)
    case 'status':
      return showStatus(context, act, command.grant)
    case 'evidence':
      return showEvidence(context, act, command.id)
    case 'evidence-of':
      return showPopulation(context, act, command)
    case 'digest':
      return showDigest(context, act, command.period)
    case 'end':
    case 'done':
      return endGrant(context, act, command.grant)
    case 'cancel':
      return cancelRequest(context, act, command.grant)
    case 'link':
      return linkAccount(context, act, command.typed)
    case 'freeze':
      return freezeTarget(context, act, command)
    case 'unfreeze':
      return liftFreeze(context, act, command.scope)
    case 'revoke-all':
      return proposeRevokeAll(context, act, command)
    case 'hold':
      return placeHold(context, act, command)
    case 'unhold':
      return liftHold(context, act, command.hold)
    case 'erase':
      return eraseTextsOf(context, act, command)
    case 'redact':
      return redactLine(context, act, command)
    case 'passkey':
      return obeyPasskey(context, act, command)
    case 'findings':
      return command.finding === null ? showFindings(context, act) : showFinding(context, act, command.finding)
    case 'finding-due':
      return moveDueDate(context, act, command.finding, command)
    case 'order-status':
      return showOrder(context, act, command.order)
    case 'order-cancel':
      return decideOrder(context, act, command.order, 'decline')
    case 'extend':
      return askExtension(context, act, command.grant, command)
    case 'ask':
      return requestAccess(context, act, command)
    default:
      return command satisfies never
  }
}

function obeyPasskey(context: Context, act: Act, command: Extract<Command, { verb: 'passkey' }>): Promise<Answer> {
  switch (command.what) {
    case 'new':
      return newPasskey(context, act)
    case 'list':
      return listPasskeys(context, act)
    case 'reset':
      return resetPasskeys(context, act, command.person)
    default:
      return command.what satisfies never
  }
}

function pressed(context: Context, act: Act, press: Press): Promise<Answer> {
  if (press.action === 'lift-freeze') return liftFreeze(context, act, press.request.slice(0, 64))
  if (press.action === 'lift-hold') return liftHold(context, act, press.request)
  if (press.action === 'confirm-order' || press.action === 'decline-order') return pressedOrder(context, act, press)
  if (press.action === 'confirm-passkey' || press.action === 'decline-passkey') {
    const what = press.action === 'confirm-passkey' ? 'confirm' : 'decline'
    return decideOnPasskey(context, act, press.request.slice(0, 255), press.revision, what)
  }
  if (isFindingAction(press.action)) return pressedFinding(context, act, press.action, press.request)
  if (press.action === 'open-digest') return showDigest(context, act, press.request.slice(0, 64))
  if (press.action === 'acknowledge-digest') return acknowledgeDigest(context, act, press.request.slice(0, 64))
  const grant = readGrantId(press.request)
  if (grant === null) {
    return refused(context, act, 'press a button', refuse({ code: 'unknown-grant', said: press.request.slice(0, 64) }))
  }
  switch (press.action) {
    case 'approve':
    case 'approve-extension':
      return decideGrant(context, act, grant, { what: press.action })
    case 'deny':
    case 'deny-extension':
      return openDenyForm(context, act, grant, press.action)
    case 'cancel':
      return cancelRequest(context, act, grant)
    case 'connect':
      return showConnection(context, act, grant)
    case 'extend':
      return openExtendForm(context, act, grant)
    case 'done':
      return endGrant(context, act, grant)
    default: {
      const said = press.action.slice(0, 64)
      return refused(context, act, 'press a button', refuse({ code: 'unknown-command', said }))
    }
  }
}

function pressedOrder(context: Context, act: Act, { action, request }: Press): Promise<Answer> {
  const what = action === 'confirm-order' ? 'confirm' : 'decline'
  const order = readOrderId(request)
  if (order !== null) return decideOrder(context, act, order, what)
  const keeping = readKeepingId(request)
  if (keeping !== null) return decideOnKeeping(context, act, keeping, what)
  if ((readLineId(request) ?? readGrantId(request)) !== null) return decideOnRedaction(context, act, request, what)
  return refused(context, act, 'press a button', refuse({ code: 'unknown-order', said: request.slice(0, 64) }))
}

function submitted(context: Context, act: Act, { form, context: carried, values }: Submission): Promise<Answer> {
  const reason = values.reason ?? ''
  if (form === 'ask') {
    const command = readAsk(values.right ?? '', values.duration ?? '', reason)
    return 'refused' in command ? refused(context, act, 'ask for access', command) : obey(context, act, command)
  }
  if (form === 'revoke-all') {
    if (reason.trim() !== '') return proposeRevokeAll(context, act, { subject: carried.subject ?? '', reason })
    return refused(context, act, 'revoke everything', refuse({ code: 'reason-too-short', length: 0, minLength: 3 }))
  }
  if (isFindingForm(form)) return submittedFinding(context, act, form, carried.request ?? '', values)
  const grant = readGrantId(carried.request ?? '')
  if (grant === null) {
    const said = (carried.request ?? '').slice(0, 64)
    return refused(context, act, 'send a form', refuse({ code: 'unknown-grant', said }))
  }
  switch (form) {
    case 'deny':
    case 'deny-extension':
      return decideGrant(context, act, grant, { what: form, reason })
    case 'extend': {
      const durationMs = readDuration(values.duration ?? '')
      return typeof durationMs === 'number'
        ? askExtension(context, act, grant, { durationMs, reason })
        : refused(context, act, 'ask for more time', durationMs)
    }
    default:
      return refused(context, act, 'send a form', refuse({ code: 'unknown-command', said: form.slice(0, 64) }))
  }
}

function refused(context: Context, act: Act, name: string, refusal: Refused): Promise<Answer> {
  return performAct(context, act, { name, decides: false, run: async () => refusal })
}

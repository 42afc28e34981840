import type { OpenOf } from '../domain/decide-order.ts'
import { formatDuration } from '../domain/duration.ts'
import type { GrantState } from '../domain/grant-state.ts'
import type { Entitlement, ReasonRule, Target } from '../domain/policy.ts'
import type { Subject } from '../domain/stewards.ts'
import type { Form } from '../ports/chat.ts'
import { countWords } from './order-lines.ts'

/** The form behind `/access` alone. Only what this person may ask for is in it. */
export function askForm(
  offers: readonly { target: Target; entitlement: Entitlement }[],
  initial: { right?: string; duration?: string; reason?: string } = {},
): Form {
  return {
    id: 'ask',
    title: 'Ask for access',
    submitLabel: 'Ask',
    context: {},
    fields: [
      {
        ...{ name: 'right', label: 'Access to', hint: null, kind: 'select', required: true, maxLength: null },
        initial: initial.right ?? null,
        options: offers.map(({ target, entitlement }) => ({
          value: `${target.name}:${entitlement.name}`,
          label: `${target.name}:${entitlement.name}, up to ${formatDuration(entitlement.maxDurationMs)}`,
        })),
      },
      {
        ...{ name: 'duration', label: 'For how long', hint: 'Such as 30m, 2h, 1h30m', kind: 'text', required: true },
        ...{ maxLength: 20, initial: initial.duration ?? null, options: [] },
      },
      {
        ...{ name: 'reason', label: 'Why', hint: 'What you will do, and the ticket if there is one' },
        ...{ kind: 'long-text', required: true, maxLength: 1000, initial: initial.reason ?? null, options: [] },
      },
    ],
  }
}

/** @param reasonRequired whether the policy wants words: the form says so, before they are lost */
export function denyForm(
  state: GrantState,
  names: (id: string) => string,
  what: 'request' | 'extension',
  reasonRequired: boolean,
): Form {
  return {
    id: what === 'request' ? 'deny' : 'deny-extension',
    title: what === 'request' ? 'Deny the request' : 'Deny the extension',
    submitLabel: 'Deny',
    context: { request: state.id },
    fields: [
      {
        ...{ name: 'reason', label: `Why not, for ${names(state.for)}`, kind: 'long-text' },
        ...{
          required: reasonRequired,
          hint: 'They and the record will read it',
          maxLength: 1000,
          initial: null,
          options: [],
        },
      },
    ],
  }
}

/**
 * @param mostMs the longest that may still be asked for
 * @param reason the rule of now; null when the reason of before still meets it
 */
export function extendForm(state: GrantState, mostMs: number, reason: ReasonRule | null): Form {
  const hint = reason === null ? 'Empty: the same reason as before' : (reason.pattern?.hint ?? 'Say a little more')
  return {
    id: 'extend',
    title: `Extend ${state.target}:${state.entitlement}`,
    submitLabel: 'Ask for more time',
    context: { request: state.id },
    fields: [
      {
        ...{ name: 'duration', label: 'How much longer', hint: `Such as 15m; ${formatDuration(mostMs)} at most` },
        ...{ kind: 'text', required: true, maxLength: 20, initial: null, options: [] },
      },
      {
        ...{ name: 'reason', label: 'Why', hint, kind: 'long-text' },
        ...{ required: reason !== null, maxLength: 1000, initial: null, options: [] },
      },
    ],
  }
}

/** @param said how they named it: it is read again when the form comes back */
export function revokeAllForm(subject: Subject, said: string, open: OpenOf, names: (id: string) => string): Form {
  const whose = subject.kind === 'person' ? `of ${names(subject.id)}` : `on ${subject.id}`
  return {
    id: 'revoke-all',
    title: 'Revoke everything',
    submitLabel: 'Propose',
    context: { subject: said },
    fields: [
      {
        ...{
          name: 'reason',
          label: `Why end ${countWords(open.grants, open.requests)} ${whose}`,
          kind: 'long-text',
        },
        ...{
          hint: 'A second person reads it and confirms',
          required: true,
          maxLength: 1000,
          initial: null,
          options: [],
        },
      },
    ],
  }
}

import type { GrantState } from '../domain/grant-state.ts'
import type { Button, ButtonAction } from '../ports/chat.ts'

/** Who looks at the card decides which buttons it carries; the buttons of a channel are for everybody. */
export type Reader = 'channel' | 'approver' | 'holder'

export function buttonsOf(state: GrantState, reader: Reader): Button[] {
  const button = (action: ButtonAction, label: string, style: Button['style']): Button => ({
    ...{ action, label, style },
    ...{ request: state.id, revision: state.seq },
  })
  if (state.status === 'pending') {
    const decide = [button('approve', 'Approve', 'primary'), button('deny', 'Deny', 'danger')]
    if (reader === 'approver') return decide
    const cancel = button('cancel', 'Cancel', 'plain')
    return reader === 'holder' ? [cancel] : [...decide, cancel]
  }
  if (state.status === 'planned') return reader === 'approver' ? [] : [button('cancel', 'Cancel', 'plain')]
  if (state.status !== 'active') return []
  const extension = state.extension
  const mine = [
    button('connect', 'Show how to connect', 'primary'),
    ...(extension === null ? [button('extend', 'Extend', 'plain')] : []),
    button('done', "I'm done", 'plain'),
  ]
  const decideExtension =
    extension?.status === 'pending'
      ? [
          button('approve-extension', 'Approve extension', 'primary'),
          button('deny-extension', 'Deny extension', 'danger'),
        ]
      : []
  if (reader === 'holder') return mine
  if (reader === 'approver') return decideExtension
  return [...decideExtension, ...mine]
}

/** Words that follow `/access` and are not targets, and the one that stands for all. A policy may not name a target so. */
export const VERBS = [
  'help',
  'here',
  'list',
  'mine',
  'status',
  'end',
  'extend',
  'done',
  'cancel',
  'evidence',
  'freeze',
  'unfreeze',
  'everywhere',
  'revoke-all',
  'link',
  'passkey',
  'digest',
  'findings',
  'redact',
  'hold',
  'unhold',
  'erase',
] as const

/** True for a verb in any case: `/access Help` is help, not a target. */
export function isVerb(word: string): boolean {
  return (VERBS as readonly string[]).includes(word.toLowerCase())
}

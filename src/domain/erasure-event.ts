import type { WhyKept } from './may-erase.ts'

/**
 * What was erased: stream `erasure:<id>`. The database removes the texts that a `texts.erased` names, in the same
 * transaction, and none that no event names.
 */
export type ErasureEvent =
  | Fact<'texts.erased', { erasure: string; by: readonly string[]; texts: readonly ErasedText[] }>
  | Fact<'erasure.done', { erasure: string; texts: number; kept: readonly KeptText[]; more: number }>
  | Fact<'closed', { count: number }>

/** Private texts of one event. */
export interface ErasedText {
  readonly stream: string
  readonly seq: number
  readonly paths: readonly string[]
}

/** Why texts of a stream stay, and until when at least; null where nobody can say. */
export type KeptText = { readonly stream: string } & WhyKept

interface Fact<Type extends string, Data> {
  readonly type: Type
  readonly data: Readonly<Data>
}

export function erasureStream(id: string): string {
  return `erasure:${id}`
}

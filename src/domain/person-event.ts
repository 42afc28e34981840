/** The facts about one person that belong to no grant: stream `person:<id>`, which is never closed. */
export type PersonEvent = {
  readonly type: 'person.told-on'
  readonly data: {
    readonly by: string
    /** Where they are told from now on; null: wherever they acted last. */
    readonly platform: string | null
  }
}

export function personStream(id: string): string {
  return `person:${id}`
}

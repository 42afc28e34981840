/** `1 finding`, `2 findings`. @param many where an `s` will not do */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}

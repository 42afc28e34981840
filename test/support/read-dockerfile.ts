/** The instructions of a Dockerfile, with continued lines joined and comments left out. */
export function readDockerfile(text: string): Instruction[] {
  return text
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [, name, rest] = /^([A-Z]+)\s+(.*)$/.exec(line.trim()) ?? []
      return name === undefined || rest === undefined ? [] : [{ name, rest }]
    })
}

export interface Instruction {
  readonly name: string
  readonly rest: string
}

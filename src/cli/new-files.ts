import { type FileHandle, open, rm } from 'node:fs/promises'

/** All of them or none, and none over another. */
export async function newFiles(paths: readonly string[]): Promise<NewFiles> {
  const opened: { path: string; file: FileHandle }[] = []
  const discard = async () => {
    for (const { path, file } of opened.splice(0)) {
      await file.close()
      await rm(path, { force: true })
    }
  }
  for (const path of paths) {
    try {
      opened.push({ path, file: await open(path, 'wx', 0o600) })
    } catch (cause) {
      await discard()
      const { code } = cause as NodeJS.ErrnoException
      const why = code === 'EEXIST' ? 'is there already (EEXIST)' : `cannot be written (${code})`
      throw new FileRefused(`${path} ${why}. Choose another name for --out`, { cause })
    }
  }
  return {
    discard,
    async append(text) {
      await opened[0]?.file.writeFile(text)
    },
    async write(texts) {
      for (const [place, { file }] of opened.entries()) await file.writeFile(texts[place] ?? '')
      for (const { file } of opened.splice(0)) await file.close()
    },
  }
}

export interface NewFiles {
  /** To the first of them. */
  append(text: string): Promise<void>
  /** What is still to come of each, and closes them. */
  write(texts: readonly string[]): Promise<void>
  discard(): Promise<void>
}

class FileRefused extends Error {
  readonly code = 'FILE_REFUSED'
  override name = 'FileRefused'
}

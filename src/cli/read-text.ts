import { readFile } from 'node:fs/promises'

/** The text of a file that the command line names. @throws FileUnreadable */
export async function readText(file: string): Promise<string> {
  return (await readBytes(file)).toString('utf8')
}

/** @throws FileUnreadable */
export async function readBytes(file: string): Promise<Buffer> {
  return readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new FileUnreadable(`${file} cannot be read (${cause.code}). Check the path`, { cause })
  })
}

class FileUnreadable extends Error {
  readonly code = 'FILE_UNREADABLE'
  override name = 'FileUnreadable'
}

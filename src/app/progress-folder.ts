import { mkdir, open, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'

/** How far the checks of the record came, in this process's own folder. */
export function createProgressFolder(folder: string) {
  const path = join(folder, 'record-check.json')
  return {
    /** Null when there is none, or none that can be read: then everything is checked. */
    async read(): Promise<string | null> {
      return await readFile(path, 'utf8').catch(() => null)
    },
    async write(text: string): Promise<void> {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const beside = `${path}.new`
      const file = await open(beside, 'w', 0o600)
      try {
        await file.writeFile(text)
        await file.sync()
      } finally {
        await file.close()
      }
      await rename(beside, path)
    },
  }
}

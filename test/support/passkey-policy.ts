import { readFile } from 'node:fs/promises'
import path from 'node:path'

/** The tests' own policy, with a passkey for every approval. */
export async function passkeyPolicy(): Promise<string> {
  const text = await readFile(path.join(import.meta.dirname, 'policy.yaml'), 'utf8')
  return text.replaceAll('stepUp: none', 'stepUp: passkey')
}

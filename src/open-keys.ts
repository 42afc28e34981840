import { mkdir, readFile } from 'node:fs/promises'
import path from 'node:path'
import type { Config } from './config.ts'
import { createKeyFile, newMacKey, newSigningKey, parseMacKey } from './record/key-files.ts'
import type { OtherMac } from './record/mac-ring.ts'
import { parseSigningKey, type Signer } from './record/signer.ts'
import { newSecretsKey, parseSecretsKey } from './secrets/sealing.ts'
import { createAgentSigner } from './signer/ssh-agent.ts'

/** The keys that live outside the database. */
export interface Keys {
  readonly signer: Signer
  /** The one that may follow; null for none. */
  readonly nextSigner: Signer | null
  readonly mac: Buffer
  /** Under which others wrote, or will write. */
  readonly otherMacs: readonly OtherMac[]
  readonly secrets: Buffer
}

/**
 * Reads the three keys. In the demo a missing one is made; elsewhere it refuses to start, because
 * every replica would make its own and none could check another's events.
 * @throws KeyMissing
 */
export async function openKeys(files: Config['keys'], origin: string): Promise<Keys> {
  const { nextSigningFile: signingFile, nextSigner: place } = files
  const [signer, nextSigner, mac, secrets, otherMacs] = await Promise.all([
    openSigner(files, origin),
    place === null && signingFile === null
      ? null
      : openSigner({ ...files, signer: place, signingFile: signingFile ?? '', createMissing: false }, origin),
    readKey(files.macFile, files.createMissing ? newMacKey : null),
    readKey(files.secretsFile, files.createMissing ? newSecretsKey : null),
    Promise.all(
      files.otherMacFiles.map(async ({ path, retiredAt }) => ({
        key: parseMacKey(await readKey(path, null)),
        retiredAt,
      })),
    ),
  ])
  return { signer, nextSigner, mac: parseMacKey(mac), otherMacs, secrets: parseSecretsKey(secrets) }
}

/** Where an agent has the key, nothing of it is read here, and nothing is asked before the first signature. */
async function openSigner({ signer, signingFile, createMissing }: Config['keys'], origin: string): Promise<Signer> {
  if (signer !== null) return createAgentSigner({ ...signer, origin })
  return parseSigningKey(await readKey(signingFile, createMissing ? newSigningKey : null), origin)
}

async function readKey(file: string, make: (() => string) | null): Promise<string> {
  for (;;) {
    try {
      return await readFile(file, 'utf8')
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || make === null) {
        throw new KeyMissing(`The key ${file} cannot be read: ${(cause as Error).message}`, { cause })
      }
    }
    // The embedded server, which another user may run, lies beside the keys and must stay within reach.
    await mkdir(path.dirname(path.dirname(file)), { recursive: true, mode: 0o711 })
    await mkdir(path.dirname(file), { recursive: true, mode: 0o700 })
    await createKeyFile(file, make()).catch((error: NodeJS.ErrnoException) => {
      // Another process made it in the meantime: that one is read.
      if (error.code !== 'EEXIST') throw error
    })
  }
}

export class KeyMissing extends Error {
  readonly code = 'KEY_MISSING'
  override name = 'KeyMissing'
}

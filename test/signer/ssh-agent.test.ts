import { createServer } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { signCheckpoint } from '../../src/record/signer.ts'
import { openNote, parseCheckpoint, parseVkey } from '../../src/record/verify.ts'
import { createAgentSigner } from '../../src/signer/ssh-agent.ts'
import { type SshAgent, startSshAgent } from '../support/ssh-agent.ts'

const ORIGIN = 'test.example/log'
const HEAD = { size: 7, root: Buffer.alloc(32, 7) }

let agent: SshAgent
let key: Awaited<ReturnType<SshAgent['makeKey']>>

beforeAll(async () => {
  agent = await startSshAgent()
  key = await agent.makeKey('ed25519')
})
afterAll(() => agent.close())

const signerAt = (socket: string, publicKey = key.publicKey) =>
  createAgentSigner({ socket, publicKey, origin: ORIGIN, patienceMs: 500 })

it('signs checkpoints that verify, with a key that only the agent has', async () => {
  await key.add()
  const signer = signerAt(agent.socket)
  const notes = await Promise.all(Array.from({ length: 20 }, () => signCheckpoint(signer, HEAD)))
  expect(new Set(notes).size).toBe(1)
  const { text } = openNote(notes[0] ?? '', [parseVkey(signer.vkey)])
  expect(parseCheckpoint(text)).toEqual({ ...HEAD, origin: ORIGIN })
})

it('says which key is not there, and signs as soon as it is', async () => {
  await key.remove()
  const signer = signerAt(agent.socket)
  await expect(signer.sign('text')).rejects.toThrow(/does not sign with SHA256:\S+: unlock it, or give it the key/)
  await key.add()
  expect(await signer.sign('text')).toHaveLength(64)
})

it('says that the agent is gone, and signs when it is back', async () => {
  const signer = signerAt(agent.socket)
  await agent.stop()
  await expect(signer.sign('text')).rejects.toThrow(/cannot be reached \((ENOENT|ECONNREFUSED)\). Start it/)
  await agent.startAgain()
  await key.add()
  expect(await signer.sign('text')).toHaveLength(64)
})

it('takes no key but one of Ed25519', async () => {
  const rsa = await agent.makeKey('rsa')
  expect(() => signerAt(agent.socket, rsa.publicKey)).toThrow('no SSH public key of Ed25519')
  for (const cut of [1, 10, key.publicKey.length - 1]) {
    expect(() => signerAt(agent.socket, key.publicKey.subarray(0, cut))).toThrow('is cut off')
  }
  expect(() => signerAt(agent.socket, Buffer.alloc(0))).toThrow('no SSH public key')
  expect(() => createAgentSigner({ socket: '/x', publicKey: key.publicKey, origin: 'a b' })).toThrow('white space')
})

const string = (bytes: Buffer | string) => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(Buffer.byteLength(bytes))
  return Buffer.concat([length, Buffer.from(bytes)])
}
const signed = (type: string, signature: Buffer) =>
  string(Buffer.concat([Buffer.of(14), string(Buffer.concat([string(type), string(signature)]))]))

it.each<[string, string, Buffer | null]>([
  ['says nothing', 'said nothing for 500 ms', null],
  ['hangs up', 'hung up', Buffer.alloc(0)],
  ['answers with another protocol', 'its answer is too long', Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')],
  ['answers with nothing known', 'is no SSH agent', string(Buffer.of(99, 1, 2, 3))],
  ['answers with bytes that are no strings', 'is no SSH agent', string(Buffer.of(14, 0, 0, 1, 0, 0))],
  ['signs with another kind of key', 'is no SSH agent', signed('ssh-rsa', Buffer.alloc(64))],
  ['signs too short', 'is no SSH agent', signed('ssh-ed25519', Buffer.alloc(63))],
  ['signs something else', 'a signature that is not of its key', signed('ssh-ed25519', Buffer.alloc(64, 1))],
])('believes nobody who %s', async (_, words, answer) => {
  const socket = path.join(path.dirname(agent.socket), `${Math.random()}.sock`)
  const server = createServer((connection) => {
    connection.on('error', () => undefined).resume()
    if (answer !== null) connection.end(answer)
  })
  await new Promise<void>((resolve) => server.listen(socket, resolve))
  const refused = expect(signerAt(socket).sign('text')).rejects
  await refused.toMatchObject({ code: 'SIGNER_UNAVAILABLE', message: expect.stringContaining(words) })
  server.close()
})

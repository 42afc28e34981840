import { createServer } from 'node:net'
import { TLSSocket } from 'node:tls'

/**
 * A server that speaks TLS as PostgreSQL does, with a certificate that nobody vouches for, and hangs up once somebody has
 * come in and said who they are.
 */
export async function startUnknownServer(): Promise<UnknownServer> {
  const entered: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => undefined)
    socket.once('data', () => {
      socket.write('S')
      const inside = new TLSSocket(socket, { isServer: true, key: KEY, cert: CERTIFICATE })
      inside.on('error', () => undefined)
      inside.once('data', (bytes) => {
        entered.push(bytes.toString('latin1'))
        inside.destroy()
      })
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return {
    url: `postgres://app:secret@127.0.0.1:${address.port}/db`,
    entered,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

/** Of nobody.example, until 2126; made for this file. */
const CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBiTCCAS+gAwIBAgIUUrcAQBx4V7u4mSWeJcEJ3os3PzwwCgYIKoZIzj0EAwIw
GTEXMBUGA1UEAwwObm9ib2R5LmV4YW1wbGUwIBcNMjYxMTIyMTcyNTI3WhgPMjEy
NjEwMjkxNzI1MjdaMBkxFzAVBgNVBAMMDm5vYm9keS5leGFtcGxlMFkwEwYHKoZI
zj0CAQYIKoZIzj0DAQcDQgAE6RvOq5v+GPaW0T6m1HHdgES9bs4oeQDYQzW5tuwZ
C/NTRMzWTLydmTlavVk99VhQ7TU/k+9x+6kuQKYekfm8eaNTMFEwHQYDVR0OBBYE
FOVuLAQCHcMZnDqQqoU4YN7VdyLpMB8GA1UdIwQYMBaAFOVuLAQCHcMZnDqQqoU4
YN7VdyLpMA8GA1UdEwEB/wQFMAMBAf8wCgYIKoZIzj0EAwIDSAAwRQIhAKCP8kQu
kTXWM/ywZra9bNMbl3JPwkG/YhainxbyRJ6uAiATiNnf32XDzTrscSV9WfhkRmmJ
WnXXD0IDByCCEXw84g==
-----END CERTIFICATE-----`
const KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg8AziGahRUlmdnwJD
nPvyDp14EDcOowZEU9EpS+XSPu2hRANCAATpG86rm/4Y9pbRPqbUcd2ARL1uzih5
ANhDNbm27BkL81NEzNZMvJ2ZOVq9WT31WFDtNT+T73H7qS5Aph6R+bx5
-----END PRIVATE KEY-----`

export interface UnknownServer {
  readonly url: string
  /** The first message of each that came in. */
  readonly entered: readonly string[]
  close(): Promise<void>
}

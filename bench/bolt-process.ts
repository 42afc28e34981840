import { App } from '@slack/bolt'

/* A floor: Bolt as it comes, with a handler that does nothing but acknowledge. Tells its port on its first line. */
const signingSecret = process.argv[2] ?? ''
const authorize = async () => ({ botToken: 'xoxb-none', botId: 'B0', botUserId: 'U0', teamId: 'T0' })
const app = new App({ signingSecret, authorize, convoStore: false })
app.command('/access', async ({ ack }) => ack())
const server = await app.start({ port: 0, host: '127.0.0.1' })
const address = 'address' in server ? server.address() : null
if (typeof address !== 'object' || address === null) throw new Error('Bolt listens nowhere')
process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`)

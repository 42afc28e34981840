import { ActivityHandler, CloudAdapter, ConfigurationBotFrameworkAuthentication } from 'botbuilder'
import express from 'express'
import { ISSUER } from '../src/chat/teams/check-token.ts'

/*
 * A floor: botbuilder's own empty bot, with the authentication that the product asks of it. Takes the app's id and the
 * address of the keys, and tells its own address on its first line.
 */
const [appId = '', metadataUrl = ''] = process.argv.slice(2)
const nowhere = 'https://login.invalid'
const authentication = new ConfigurationBotFrameworkAuthentication(
  {
    ...{ ToChannelFromBotLoginUrl: nowhere, ToChannelFromBotOAuthScope: ISSUER, OAuthUrl: nowhere, CallerId: '' },
    ...{ ToBotFromChannelTokenIssuer: ISSUER, ToBotFromEmulatorOpenIdMetadataUrl: nowhere },
    ToBotFromChannelOpenIdMetadataUrl: metadataUrl,
  },
  {
    isValidAppId: async (said) => said === appId,
    isAuthenticationDisabled: async () => false,
    createCredentials: async () => ({ signRequest: () => Promise.reject(new Error('an empty bot says nothing')) }),
  },
  { requiredEndorsements: ['msteams'], validateClaims: async () => undefined },
)
const adapter = new CloudAdapter(authentication)
const bot = new ActivityHandler()
const app = express()
app.use(express.json())
app.post('/api/messages', (request, response) => {
  void adapter.process(request, response, (context) => bot.run(context))
})
const server = app.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new Error('botbuilder listens nowhere')
  process.stdout.write(`${JSON.stringify({ url: `http://127.0.0.1:${address.port}` })}\n`)
})

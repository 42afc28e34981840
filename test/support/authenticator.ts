import type { Browser, CDPSession, Page } from 'playwright-core'

/** A browser with a passkey device of its own, as one person has it. */
export interface Device {
  readonly page: Page
  /** Opens a link, presses its button, and reads what the next page says. */
  follow(url: string): Promise<string>
  /** Whether its owner passes the fingerprint, face or PIN check from now on. */
  setVerified(verified: boolean): Promise<void>
  /** The passkeys in it. */
  passkeys(): Promise<readonly { readonly credentialId: string; readonly privateKey: string; readonly rpId: string }[]>
  /** Puts a passkey of another device in, as a thief of the key would. */
  take(passkey: object): Promise<void>
  close(): Promise<void>
}

/** A virtual authenticator of Chromium (CDP, WebAuthn domain). @param options.synced whether its keys are backed up */
export async function createDevice(
  browser: Browser,
  options: { readonly synced?: boolean; readonly viewport?: { width: number; height: number } } = {},
): Promise<Device> {
  const context = await browser.newContext(options.viewport === undefined ? {} : { viewport: options.viewport })
  const page = await context.newPage()
  const session: CDPSession = await context.newCDPSession(page)
  await session.send('WebAuthn.enable')
  const synced = options.synced ?? false
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', ctap2Version: 'ctap2_1', transport: 'internal', hasResidentKey: true },
      ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
      ...{ defaultBackupEligibility: synced, defaultBackupState: synced },
    },
  })
  return {
    page,
    async follow(url) {
      await page.goto(url)
      await Promise.all([page.waitForEvent('response', { timeout: 60_000 }), page.locator('button.primary').click()])
      await page.waitForLoadState()
      return page.locator('main').innerText()
    },
    setVerified: async (isUserVerified) => {
      await session.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified })
    },
    passkeys: async () => {
      const { credentials } = await session.send('WebAuthn.getCredentials', { authenticatorId })
      return credentials.map(({ credentialId, privateKey, rpId = '' }) => ({ credentialId, privateKey, rpId }))
    },
    take: async (credential) => {
      await session.send('WebAuthn.addCredential', { authenticatorId, credential: credential as never })
    },
    close: () => context.close(),
  }
}

import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const INSTALLED = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const QUIET = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** A headless Chromium with an empty profile: `CHROME_PATH`, else an installed one, else the one in the npm package. */
export async function launchBrowser(): Promise<Browser> {
  const named = process.env.CHROME_PATH
  if (named && !existsSync(named)) throw new Error(`CHROME_PATH is ${named}, and there is no such file`)
  const installed = named ?? INSTALLED.find((file) => existsSync(file))
  if (installed) return chromium.launch({ executablePath: installed, args: QUIET })
  return launchPackaged()
}

async function launchPackaged(): Promise<Browser> {
  try {
    const { default: packaged } = await import('@sparticuz/chromium')
    return await chromium.launch({
      executablePath: await packaged.executablePath(),
      // In one process with its pages it falls when one of them does.
      args: [...packaged.args.filter((arg) => arg !== '--single-process'), ...QUIET],
    })
  } catch (cause) {
    throw new Error(
      'No browser for the page tests: install Chromium (apt-get install chromium) or set CHROME_PATH to one',
      { cause },
    )
  }
}

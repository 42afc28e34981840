import path from 'node:path'
import type { Page } from 'playwright-core'

/** Keeps what the page looks like, when `PICTURES` names a folder: `PICTURES=docs/pictures npx vitest run test/chat/local-page-look`. */
export async function picture(page: Page, name: string): Promise<void> {
  const folder = process.env.PICTURES
  if (folder) await page.screenshot({ path: path.join(folder, `${name}.png`), animations: 'disabled' })
}

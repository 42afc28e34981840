import { expect, it } from 'vitest'
import { startApp } from '../../src/app.ts'
import type { Config } from '../../src/config.ts'
import { createLog } from '../../src/telemetry/log.ts'

it('does not start, rather than serve the page where anyone acts as anyone, when only Teams is configured', async () => {
  const config = { localPage: false, slack: null } as Config
  await expect(startApp(config, createLog({ level: 'silent' }))).rejects.toMatchObject({
    code: 'NO_SUCH_CHAT',
    message: expect.stringContaining('this version has no Teams'),
  })
})

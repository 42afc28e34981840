import { defineConfig } from 'vitest/config'

const connector = (what: string) => `test/connectors/postgres-${what}.test.ts`
/** What only servers before 16 need. */
const COPIES = connector('copies')
/** The older versions of targets, and what depends on the version. */
const OLDER = [
  { major: 15, include: [connector('contract'), connector('back-doors'), connector('privileges'), COPIES] },
  { major: 16, include: [connector('contract'), connector('back-doors')] },
  { major: 17, include: [connector('contract'), connector('back-doors')] },
] as const

const patience = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // Whole processes on a busy machine: what is broken fails twice, and the report says that it did.
  retry: process.env.CI ? 1 : 0,
}

export default defineConfig({
  test: {
    // One file at a time: several start six processes and two servers of their own.
    maxWorkers: 1,
    projects: [
      { test: { name: 'structure', include: ['test/structure/**/*.test.ts'] } },
      ...OLDER.map(({ major, include }) => ({
        test: { name: `postgresql-${major}`, include: [...include], provide: { major }, ...patience },
      })),
      {
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**', COPIES],
          globalSetup: ['test/support/global-setup.ts'],
          ...patience,
        },
      },
    ],
  },
})

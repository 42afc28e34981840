import { defineConfig } from 'vitest/config'

/** The versions of targets that are tried besides the newest. */
const OLDER = [15, 16, 17] as const

const ON_EVERY_TARGET = ['contract', 'back-doors', 'privileges'].map(
  (what) => `test/connectors/postgres-${what}.test.ts`,
)
/** What only servers before 16 need. */
const COPIES = 'test/connectors/postgres-copies.test.ts'

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
      ...OLDER.map((major) => ({
        test: {
          name: `postgresql-${major}`,
          include: [...ON_EVERY_TARGET, ...(major < 16 ? [COPIES] : [])],
          provide: { major },
          ...patience,
        },
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

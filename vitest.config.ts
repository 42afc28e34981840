import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // Most tests wait for processes and databases: one worker a core leaves half of the time unused.
    maxWorkers: 2,
    projects: [
      { test: { name: 'structure', include: ['test/structure/**/*.test.ts'] } },
      {
        test: {
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**'],
          globalSetup: ['test/support/global-setup.ts'],
          testTimeout: 30_000,
          hookTimeout: 60_000,
          // Whole processes on a busy machine: what is broken fails twice, and the report says that it did.
          retry: process.env.CI ? 1 : 0,
        },
      },
    ],
  },
})

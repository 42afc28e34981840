import { defineConfig } from 'vitest/config'

export default defineConfig({
  test: {
    // One file at a time: several start six processes and two servers of their own.
    maxWorkers: 1,
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

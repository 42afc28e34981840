import { defineConfig } from 'vitest/config'

const behaviour = {
  globalSetup: ['test/support/global-setup.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
  // Whole processes on a busy machine: what is broken fails twice, and the report says that it did.
  retry: process.env.CI ? 1 : 0,
}

export default defineConfig({
  test: {
    projects: [
      { test: { name: 'structure', include: ['test/structure/**/*.test.ts'] } },
      {
        test: {
          ...behaviour,
          name: 'behaviour',
          include: ['test/**/*.test.ts'],
          exclude: ['test/structure/**', 'test/unbreakable/**'],
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...behaviour,
          name: 'unbreakable',
          include: ['test/unbreakable/**/*.test.ts'],
          // One file at a time: each starts up to six processes and two servers of its own.
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})

import { defineConfig } from 'vitest/config'
import { LongestFirst } from './test/support/longest-first.ts'

const behaviour = {
  // Only a fault reaches these, however slow the machine.
  testTimeout: 300_000,
  hookTimeout: 180_000,
  expect: { poll: { timeout: 60_000 } },
  // Whole processes on a busy machine: what is broken fails every time, and the report says how often.
  retry: process.env.CI ? 2 : 0,
}
const globalSetup = ['test/support/global-setup.ts']
/** Many of them wait: for a server or a browser to start, or for the end of an access. */
const sixAtATime = { maxWorkers: 6, sequence: { groupOrder: 1 } }

const connector = (what: string) => `test/connectors/postgres-${what}.test.ts`
/** What only servers before 16 need. */
const COPIES = connector('copies')
/** The older versions of targets, and what depends on the version. */
const OLDER = [
  { major: 15, include: [connector('contract'), connector('back-doors'), connector('privileges'), COPIES] },
  { major: 16, include: [connector('contract'), connector('back-doors')] },
  { major: 17, include: [connector('contract'), connector('back-doors')] },
] as const

/** What `npm run check` runs as well: it starts nothing and looks only at files. */
const STRUCTURE = ['test/structure/**/*.test.ts', 'test/chat/*/manifest.test.ts']

/** What starts whole programs: the command line, processes as an operator has them, and those that are attacked. */
const PROGRAMS = ['cli', 'operation', 'story', 'unbreakable'].map((folder) => `test/${folder}/**/*.test.ts`)
/** What keeps every processor busy by itself. */
const CROWDS = ['crash', 'races', 'platform-races', 'emergency-races'].map((what) => `test/unbreakable/${what}.test.ts`)

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
    projects: [
      { test: { name: 'structure', include: STRUCTURE } },
      ...OLDER.map(({ major, include }) => ({
        test: {
          ...behaviour,
          ...sixAtATime,
          name: `postgresql-${major}`,
          include: [...include],
          provide: { major },
        },
      })),
      {
        test: {
          ...behaviour,
          ...sixAtATime,
          name: 'behaviour',
          globalSetup,
          include: ['test/**/*.test.ts'],
          exclude: [...STRUCTURE, ...PROGRAMS, COPIES],
        },
      },
      {
        test: {
          ...behaviour,
          ...sixAtATime,
          name: 'programs',
          globalSetup,
          include: PROGRAMS,
          exclude: CROWDS,
        },
      },
      {
        test: {
          ...behaviour,
          name: 'crowds',
          globalSetup,
          include: CROWDS,
          // One file at a time: each starts up to fifteen processes and six servers of its own.
          maxWorkers: 1,
          // As many as there are crews in `crash.test.ts`.
          maxConcurrency: 8,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
})

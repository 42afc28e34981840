import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** What takes more than half a minute on an idle machine of two processors, the longest first. */
const LONG = [
  ...['unbreakable/crash', 'unbreakable/races', 'chat/slack/storm', 'unbreakable/superuser', 'unbreakable/unrecorded'],
  ...['cli/evidence', 'unbreakable/back-doors', 'db/embedded/start', 'unbreakable/restore', 'record/verify-log'],
  ...['chat/slack/slack-story', 'unbreakable/forged-record', 'story/leaver', 'chat/local-page', 'operation/new-signer'],
  ...['unbreakable/activity', 'operation/own-database', 'directory/scim-import', 'cli/verify-log', 'operation/image'],
  ...['story/passkeys', 'story/policy-change', 'witness/s3-witness', 'cli/policy-activate', 'operation/point-in-time'],
].map((name) => `/test/${name}.test.ts`)

/**
 * In each group of projects the longest files begin first, so that none of them runs alone at the end: a machine that
 * has never run the tests knows no durations.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    return (await super.sort(files)).toSorted((a, b) => groupOf(a) - groupOf(b) || rankOf(a) - rankOf(b))
  }
}

const groupOf = ({ project }: TestSpecification) => project.config.sequence.groupOrder

function rankOf({ moduleId }: TestSpecification): number {
  const rank = LONG.findIndex((name) => moduleId.endsWith(name))
  return rank === -1 ? LONG.length : rank
}

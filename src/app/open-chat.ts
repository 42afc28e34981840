import type { Router } from 'express'
import { completionFor, exampleFor } from '../chat/completion.ts'
import { createLocalChat } from '../chat/local/local-chat.ts'
import type { LocalPerson } from '../chat/local/local-person.ts'
import type { Config, SlackSettings, TeamsSettings } from '../config.ts'
import { channelList } from '../domain/channels.ts'
import type { Policy } from '../domain/policy.ts'
import type { Account, Chat, Desk } from '../ports/chat.ts'
import type { HearThread } from '../ports/thread.ts'
import { newestEvents } from '../report/newest-events.ts'
import type { ReadinessCheck } from '../report/readiness.ts'
import { namesOf } from '../workflow/card-context.ts'
import { compareClocks } from '../workflow/compare-clocks.ts'
import type { Context } from '../workflow/context.ts'
import { lookAgain } from '../workflow/look-again.ts'
import { lookAtTarget } from '../workflow/look-at-target.ts'

/** Where people are: one platform that is configured. */
export interface ChatFront {
  readonly chat: Chat
  readonly router: Router
  readonly look?: ReadinessCheck['look']
  /** What the platform says of an account, where it says anything that counts. */
  readonly profileOf?: Context['profileOf']
  start(): Promise<void>
  stop(): Promise<void>
}

interface ChatSurroundings {
  readonly context: Context
  readonly desk: Desk
  readonly onThread: HearThread
  readonly onFault: (what: string, error: unknown) => void
  /** How many times as much the platforms take as they say: 1 but in tests. */
  readonly limitsTimes: number
}

/** @throws NoSuchChat when nobody could be heard */
export function requireChat({ localPage, slack, teams }: Config): void {
  if (localPage || slack !== null || teams !== null) return
  throw new NoSuchChat('The local page is off, and neither Slack nor Teams is configured. Configure one')
}

/** Opens every platform that is configured. The SDKs are large: each is loaded only where it is used. */
export async function openChats(config: Config, around: ChatSurroundings): Promise<ChatFront[]> {
  const { slack, teams } = config
  const fronts = await Promise.all([
    ...(slack === null ? [] : [openSlack(slack, around)]),
    ...(teams === null ? [] : [openTeams(teams, around)]),
  ])
  return fronts.length > 0 ? fronts : [openLocalPage(config, around)]
}

/** The names of what `openChats` opens. */
export function platformsOf({ slack, teams }: Config): string[] {
  const real = [...(slack === null ? [] : ['slack']), ...(teams === null ? [] : ['teams'])]
  return real.length > 0 ? real : ['local']
}

async function openSlack(
  settings: SlackSettings,
  { context, desk, onThread, onFault, limitsTimes }: ChatSurroundings,
): Promise<ChatFront> {
  const { db, clock, policy } = context
  const { createSlackChat } = await import('../chat/slack/slack-chat.ts')
  return createSlackChat({
    ...{ db, clock, desk, settings, onFault, limitsTimes },
    onDeleted: (message) => lookAgain(context, message),
    onFuture: (platformAt) => compareClocks(context, { platform: 'slack', platformAt, key: null }),
    onThread,
    rendering: {
      get timeZone() {
        return policy.current().timeZone
      },
      userOf: (identity) => accountOn('slack', policy.current(), identity)?.id ?? null,
    },
  })
}

async function openTeams(
  settings: TeamsSettings,
  { context, desk, onThread, onFault, limitsTimes }: ChatSurroundings,
): Promise<ChatFront> {
  const { db, clock, policy } = context
  const { createTeamsChat } = await import('../chat/teams/teams-chat.ts')
  return createTeamsChat({
    ...{ db, clock, desk, settings, onThread, onFault, limitsTimes },
    rendering: {
      get timeZone() {
        return policy.current().timeZone
      },
      accountOf: (identity) => accountOn('teams', policy.current(), identity),
    },
  })
}

function openLocalPage({ host, policyFile }: Config, { context, desk, onFault }: ChatSurroundings): ChatFront {
  const { db, clock, policy, directory, witnessed } = context
  return createLocalChat({
    ...{ db, clock, desk, host },
    people: () => localPeopleOf(policy.current()),
    channels: () => channelsOf(policy.current()),
    policyName: policyFile.split('/').at(-1) ?? '',
    example: () => exampleFor(policy.current(), localPeopleOf(policy.current())[0]?.id ?? '') ?? '/access',
    completion: async (account) => {
      const who = await directory.byAccount(account)
      return who === null ? [] : completionFor(policy.current(), who.id)
    },
    panes: {
      target: async () => {
        const target = Object.keys(policy.current().targets)[0] ?? ''
        return { target, accounts: await lookAtTarget(context, target) }
      },
      record: () => newestEvents(db, witnessed, namesOf(context)),
    },
    onFault,
  })
}

function accountOn(platform: string, policy: Policy, identity: string): Account | null {
  const person = policy.people.find(({ id }) => id === identity)
  return person?.accounts.find((account) => account.platform === platform) ?? null
}

function localPeopleOf({ people }: Policy): LocalPerson[] {
  return people.flatMap(({ id, name, title, accounts }) => {
    const account = accounts.find((one) => one.platform === 'local')
    return account === undefined ? [] : [{ id, name, title, account }]
  })
}

function channelsOf(policy: Policy): string[] {
  const all = [policy.channel, ...Object.values(policy.targets).map((target) => target.channel)]
  return [
    ...new Set(
      all.flatMap((channels) => (channels === null ? [] : channelList(channels))).map(({ channel }) => channel),
    ),
  ]
}

export class NoSuchChat extends Error {
  readonly code = 'NO_SUCH_CHAT'
  override name = 'NoSuchChat'
}

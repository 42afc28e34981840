import type { Router } from 'express'
import { completionFor, exampleFor } from '../chat/completion.ts'
import { createLocalChat } from '../chat/local/local-chat.ts'
import type { LocalPerson } from '../chat/local/local-person.ts'
import type { Config } from '../config.ts'
import type { Policy } from '../domain/policy.ts'
import type { Account, Chat, Desk } from '../ports/chat.ts'
import { newestEvents } from '../report/newest-events.ts'
import type { ReadinessCheck } from '../report/readiness.ts'
import { namesOf } from '../workflow/card-context.ts'
import type { Context } from '../workflow/context.ts'
import { lookAgain } from '../workflow/look-again.ts'
import { lookAtTarget } from '../workflow/look-at-target.ts'

/** Where people are: the one platform that is configured. */
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
  readonly onFault: (what: string, error: unknown) => void
}

/** @throws NoSuchChat when nobody could be heard */
export function requireChat({ localPage, slack, teams }: Config): void {
  if (localPage || slack !== null || teams !== null) return
  throw new NoSuchChat('The local page is off, and neither Slack nor Teams is configured. Configure one')
}

/** Opens the platform that is configured. The SDKs are large: each is loaded only where it is used. */
export async function openChat(config: Config, around: ChatSurroundings): Promise<ChatFront> {
  const { context, desk, onFault } = around
  const { db, clock, policy } = context
  if (config.slack !== null) {
    const { createSlackChat } = await import('../chat/slack/slack-chat.ts')
    return createSlackChat({
      ...{ db, clock, desk, settings: config.slack, onFault },
      onDeleted: (message) => lookAgain(context, message),
      rendering: {
        get timeZone() {
          return policy.current().timeZone
        },
        userOf: (identity) => accountOn('slack', policy.current(), identity)?.id ?? null,
      },
    })
  }
  if (config.teams !== null) {
    const { createTeamsChat } = await import('../chat/teams/teams-chat.ts')
    return createTeamsChat({
      ...{ db, clock, desk, settings: config.teams, onFault },
      rendering: {
        get timeZone() {
          return policy.current().timeZone
        },
        accountOf: (identity) => accountOn('teams', policy.current(), identity),
      },
    })
  }
  return openLocalPage(config, around)
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
  const channels = Object.values(policy.targets).flatMap((target) => target.channel ?? [])
  return [...new Set([policy.channel, ...channels])]
}

export class NoSuchChat extends Error {
  readonly code = 'NO_SUCH_CHAT'
  override name = 'NoSuchChat'
}

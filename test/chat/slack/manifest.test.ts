import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { expect, it } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'

/** The parts of Slack's manifest schema 2.0.0 that ours uses, with its limits; anything else is refused. */
const address = z
  .string()
  .regex(/^https:\/\//)
  .max(3_000)
const manifestSchema = z.strictObject({
  display_information: z.strictObject({
    name: z.string().min(1).max(35),
    description: z.string().min(1).max(140),
    background_color: z.string().regex(/^#[0-9a-fA-F]{6}$/),
  }),
  features: z.strictObject({
    app_home: z.strictObject({
      home_tab_enabled: z.boolean(),
      messages_tab_enabled: z.boolean(),
      messages_tab_read_only_enabled: z.boolean(),
    }),
    bot_user: z.strictObject({ display_name: z.string().min(1).max(80), always_online: z.boolean() }),
    slash_commands: z
      .array(
        z.strictObject({
          command: z.string().regex(/^\//).min(2).max(32),
          url: address,
          description: z.string().min(1).max(2_000),
          usage_hint: z.string().min(1).max(1_000),
          should_escape: z.boolean(),
        }),
      )
      .length(1),
  }),
  oauth_config: z.strictObject({ scopes: z.strictObject({ bot: z.array(z.string().max(50)) }) }),
  settings: z.strictObject({
    interactivity: z.strictObject({ is_enabled: z.literal(true), request_url: address }),
    event_subscriptions: z.strictObject({ request_url: address, bot_events: z.array(z.string().max(100)) }),
    org_deploy_enabled: z.boolean(),
    socket_mode_enabled: z.boolean(),
    token_rotation_enabled: z.literal(false),
  }),
})

it('the manifest is what Slack takes, leads to our one door, and asks for no more than is used', async () => {
  const file = path.join(import.meta.dirname, '../../../manifest/slack.yaml')
  const manifest = manifestSchema.parse(parse(await readFile(file, 'utf8')))
  const [command] = manifest.features.slash_commands
  expect(command?.command).toBe('/access')
  for (const url of [
    command?.url,
    manifest.settings.interactivity.request_url,
    manifest.settings.event_subscriptions.request_url,
  ]) {
    expect(new URL(String(url)).pathname).toBe('/slack/events')
  }
  expect(manifest.oauth_config.scopes.bot.toSorted()).toEqual(
    [
      ...['channels:history', 'chat:write', 'commands', 'files:write', 'groups:history', 'im:history', 'im:write'],
      ...['users:read', 'users:read.email'],
    ].toSorted(),
  )
  // These come with scopes that are asked for already, and carry no more than where a message was deleted.
  expect(manifest.settings.event_subscriptions.bot_events).toEqual(['message.channels', 'message.groups'])
})

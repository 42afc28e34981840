import type { Router } from 'express'
import type { Config } from '../config.ts'
import type { Witness } from '../ports/witness.ts'
import { createHouseReader } from '../report/read-house.ts'
import type { ReadinessCheck } from '../report/readiness.ts'
import { openPasskeyToken } from '../secrets/passkey-link.ts'
import { peekReveal } from '../secrets/reveal.ts'
import type { Build } from '../telemetry/build.ts'
import type { Log } from '../telemetry/log.ts'
import type { Metrics } from '../telemetry/metrics.ts'
import { createDigestDoor, createEvidenceDoor } from '../web/file-door.ts'
import { askingAll, createHealth } from '../web/health.ts'
import { createMetricsDoor } from '../web/metrics-door.ts'
import { createPasskeyPage } from '../web/passkey-page.ts'
import { createRevealPage } from '../web/reveal-page.ts'
import { confirmDecision } from '../workflow/confirm-decision.ts'
import type { Context } from '../workflow/context.ts'
import { countFindings } from '../workflow/count-findings.ts'
import { countKeeping } from '../workflow/count-keeping.ts'
import { offerPasskey } from '../workflow/enrol-passkey.ts'
import { allFreezes } from '../workflow/freezes.ts'
import { createProvisioning } from '../workflow/provision-people.ts'
import { revealConnection } from '../workflow/show-connection.ts'
import { showPasskeyPage } from '../workflow/show-decision.ts'
import type { ChatFront } from './open-chat.ts'
import { takeDigestFile } from './take-digest-file.ts'
import { takeEvidenceFile } from './take-evidence-file.ts'

/** Every door that is open on the one port, in the order in which they are asked. */
export async function openDoors(house: {
  readonly config: Config
  readonly context: Context
  readonly build: Build
  readonly fronts: readonly ChatFront[]
  readonly checks: readonly ReadinessCheck[]
  readonly metrics: Metrics
  readonly witnesses: readonly Witness[]
  readonly log: Log
}): Promise<Router[]> {
  const { config, context, build, fronts, checks, metrics, witnesses, log } = house
  const { db, record, clock, sealing, passkeys } = context
  const askAll = askingAll(checks)
  return [
    // First: there is somebody who waits for an answer.
    ...fronts.map(({ router }) => router),
    ...(await openDirectoryDoor(config, context, log)),
    createHealth(checks, askAll),
    createMetricsDoor({
      ...{ now: clock.now, readChecks: askAll, show: metrics.show, contentType: metrics.contentType },
      readHouse: createHouseReader({
        ...{ db, clock, witnesses: witnesses.map(({ name }) => name) },
        freezes: () => allFreezes({ record }, db),
        findings: () => countFindings({ record }, db, clock.now()),
        keeping: () => countKeeping({ record, clock }, db),
      }),
      onFault: (error) => log.error({ err: error }, 'the metrics of the house could not be read'),
    }),
    createRevealPage({
      peek: (token) => peekReveal(db, sealing, 'reveal', token, clock.now()),
      reveal: (token) => revealConnection(context, token),
      log,
    }),
    createPasskeyPage({
      ...{ passkeys, log },
      open: (token) => openPasskeyToken(sealing, token),
      show: (token, ticket) => showPasskeyPage(context, token, ticket),
      use: (token, ticket, response) =>
        (ticket.kind === 'decision' ? confirmDecision : offerPasskey)(context, token, ticket, response),
    }),
    createEvidenceDoor({
      peek: (token) => peekReveal(db, sealing, 'evidence', token, clock.now()),
      take: (token, format, earlier) => takeEvidenceFile(context, build, token, { format, earlier }),
      log,
    }),
    createDigestDoor({
      peek: (token) => peekReveal(db, sealing, 'digest', token, clock.now()),
      take: (token, format) => takeDigestFile(context, build, token, format),
      log,
    }),
  ]
}

/** Loaded only where a directory pushes people. */
async function openDirectoryDoor({ scim }: Config, context: Context, log: Log): Promise<Router[]> {
  if (scim === null) return []
  const { createScimDoor } = await import('../directory/scim/door.ts')
  return [
    createScimDoor({
      ...{ token: scim.token, publicUrl: () => context.publicUrl, provisioning: createProvisioning(context) },
      onFault: (error) => log.error({ err: error }, 'what the directory sent could not be recorded'),
    }),
  ]
}

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  type ConnectionDetails,
  type Connector,
  ConnectorError,
  type StepObservation,
  type TargetGrant,
} from '../../src/ports/connector.ts'

/** What every connector does, whatever its target. Each adapter's test calls this with a fixture of its own. */
export function describeConnectorContract(kind: string, makeFixture: () => Promise<ConnectorFixture>): void {
  describe(`the ${kind} connector keeps the contract:`, () => {
    let fixture: ConnectorFixture
    let connector: Connector
    beforeAll(async () => {
      fixture = await makeFixture()
      connector = fixture.connector
    })
    afterAll(() => fixture?.close())

    const expiry = () => fixture.inOneHour()

    async function provisioned(): Promise<TargetGrant> {
      const grant = fixture.newGrant()
      await connector.provision(grant, expiry())
      return grant
    }

    const steps = ['disable', 'terminateSessions', 'remove'] as const

    test('a target that is set up right has no faults and names what may be given', async () => {
      expect(await connector.checkPreconditions()).toEqual([])
      expect((await connector.describeEntitlements()).map(({ grants }) => grants)).toContain(fixture.newGrant().grants)
    })

    test('an access is made with its own expiry, looked at, and listed as ours', async () => {
      const grant = fixture.newGrant()
      const until = expiry()
      const seen = await connector.provision(grant, until)
      expect(seen).toMatchObject({
        account: grant.account,
        nativeExpiry: connector.capabilities.nativeExpiry ? until : null,
      })
      expect(seen.checks.length).toBeGreaterThan(0)
      expect(seen.checks.filter(({ ok }) => !ok)).toEqual([])
      expect(textsOf({ checks: seen.checks, residuals: [] }), 'moments are written for people').not.toContain(
        String(until),
      )
      const listed = (await connector.listGrants()).find(({ account }) => account === grant.account)
      expect(listed).toMatchObject({
        grants: [grant.grants],
        grantId: grant.id,
        nativeExpiry: seen.nativeExpiry,
        liveSessions: 0,
      })
    })

    test('making the same access again changes nothing', async () => {
      const grant = await provisioned()
      const again = await connector.provision(grant, expiry())
      expect(again.checks.filter(({ ok }) => !ok)).toEqual([])
      expect((await connector.listGrants()).filter(({ account }) => account === grant.account)).toHaveLength(1)
    })

    test('only the newest secret works, and it stands in the secret field alone', async () => {
      const grant = await provisioned()
      const first = await connector.issueSecret(grant)
      const early = await fixture.logIn(first)
      await early?.end()
      expect(early).not.toBeNull()
      const second = await connector.issueSecret(grant)
      expect(await fixture.logIn(first)).toBeNull()
      const late = await fixture.logIn(second)
      await late?.end()
      expect(late).not.toBeNull()
      const secrets = second.fields.filter(({ secret }) => secret).map(({ value }) => value)
      expect(secrets).toHaveLength(1)
      const open = [second.command, ...second.fields.filter(({ secret }) => !secret).map(({ value }) => value)].join(
        ' ',
      )
      for (const secret of secrets) expect(open).not.toContain(secret)
    })

    test('the expiry is moved and read back', async () => {
      const grant = await provisioned()
      const later = expiry() + 60_000
      expect(await connector.moveExpiry(grant, later)).toBe(later)
      const listed = (await connector.listGrants()).find(({ account }) => account === grant.account)
      expect(listed?.nativeExpiry).toBe(later)
    })

    test('a live session ends with the access, the login is refused, and looking says removed', async () => {
      const grant = await provisioned()
      const details = await connector.issueSecret(grant)
      const session = await fixture.logIn(details)
      expect((await connector.verifyRemoved(grant)).verdict).toBe('still-present')
      await connector.disable(grant)
      expect(await fixture.logIn(details)).toBeNull()
      expect((await connector.verifyRemoved(grant)).verdict).toBe('still-present')
      await connector.terminateSessions(grant)
      expect(await session?.isAlive()).toBe(false)
      expect((await connector.verifyRemoved(grant)).verdict).toBe('still-present')
      await connector.remove(grant)
      const seen = await connector.verifyRemoved(grant)
      expect(seen.checks.filter(({ ok }) => !ok)).toEqual([])
      expect(seen).toMatchObject({ verdict: 'removed', residuals: [] })
      expect((await connector.listGrants()).map(({ account }) => account)).not.toContain(grant.account)
    })

    test('a person who leaves something open that the removal needs does not hold up the end', async () => {
      const grant = await provisioned()
      const session = await fixture.holdUp(await connector.issueSecret(grant))
      for (const step of steps) await connector[step](grant)
      expect(await session.isAlive()).toBe(false)
      expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
    })

    test('however much is left behind, what is said of it fits an event', async () => {
      const grant = await provisioned()
      const all = await fixture.leaveBehind(await connector.issueSecret(grant))
      await connector.disable(grant)
      await connector.terminateSessions(grant)
      const removed = await connector.remove(grant)
      expect(removed.residuals.length).toBeLessThanOrEqual(51)
      expect(removed.residuals.at(-1)?.what).toMatch(
        new RegExp(`^and ${all - removed.residuals.length + 1} more; SHA-256 of all ${all}: [0-9a-f]{64}$`),
      )
      const seen = await connector.verifyRemoved(grant)
      expect(seen).toMatchObject({ verdict: 'removed', residuals: removed.residuals })
      for (const said of [removed, seen]) {
        expect(Buffer.byteLength(JSON.stringify(said))).toBeLessThan(40 * 1024)
        for (const text of textsOf(said)) expect(text.length).toBeLessThanOrEqual(300)
      }
    })

    test('what a target says at length is cut where one sees it', async () => {
      const grant = { ...fixture.newGrant(), grants: 'long'.repeat(200) }
      const error = await connector.provision(grant, expiry()).catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(ConnectorError)
      expect((error as ConnectorError).message).toMatch(/^.{299}…$/)
    })

    test.each([1, 2, 3])('a removal that stopped after %i steps is done again from the start', async (done) => {
      const grant = await provisioned()
      for (const step of steps.slice(0, done)) await connector[step](grant)
      const restarted = await fixture.restarted()
      for (const step of steps) await restarted[step](grant)
      for (const step of steps) await restarted[step](grant)
      expect((await restarted.verifyRemoved(grant)).verdict).toBe('removed')
      await restarted.close()
    })

    test('no step runs before the one it follows', async () => {
      const grant = await provisioned()
      await expect(connector.terminateSessions(grant)).rejects.toMatchObject({ code: 'Conflict' })
      await expect(connector.remove(grant)).rejects.toMatchObject({ code: 'Conflict' })
      expect((await connector.verifyRemoved(grant)).verdict).toBe('still-present')
    })

    test('an access that ended is not opened again by a late step', async () => {
      const grant = await provisioned()
      await connector.disable(grant)
      await expect(connector.provision(grant, expiry())).rejects.toMatchObject({ code: 'Conflict' })
      await expect(connector.issueSecret(grant)).rejects.toMatchObject({ code: 'Conflict' })
      await expect(connector.moveExpiry(grant, expiry())).rejects.toMatchObject({ code: 'Conflict' })
    })

    test('what was never made is removed, and cannot be made afterwards', async () => {
      const grant = fixture.newGrant()
      for (const step of steps) await connector[step](grant)
      expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
      await expect(connector.provision(grant, expiry())).rejects.toMatchObject({ code: 'Conflict' })
    })

    test('what the target does not list is refused, and nothing is made', async () => {
      const grant = { ...fixture.newGrant(), grants: fixture.notListed }
      await expect(connector.provision(grant, expiry())).rejects.toMatchObject({ code: 'PrivilegeMissing' })
      expect((await connector.listGrants()).map(({ account }) => account)).not.toContain(grant.account)
    })

    test('an unreachable target is named, and nothing on it is called removed', async () => {
      const grant = await provisioned()
      for (const step of steps) await connector[step](grant)
      await fixture.cut()
      try {
        for (const step of steps) {
          const error = await connector[step](grant).catch((thrown: unknown) => thrown)
          expect(error).toBeInstanceOf(ConnectorError)
          expect(['Unreachable', 'Indeterminate']).toContain((error as ConnectorError).code)
        }
        expect((await connector.verifyRemoved(grant)).verdict).toBe('indeterminate')
        expect(await connector.checkPreconditions()).toMatchObject([{ severity: 'blocking', code: 'Unreachable' }])
      } finally {
        await fixture.mend()
      }
      expect((await connector.verifyRemoved(grant)).verdict).toBe('removed')
    })

    test('closing twice is harmless, and a closed connector says so', async () => {
      const other = await fixture.restarted()
      await other.close()
      await other.close()
      await expect(other.listGrants()).rejects.toMatchObject({ code: 'Unreachable' })
    })
  })
}

function textsOf({ checks, residuals }: Pick<StepObservation, 'checks' | 'residuals'>): string[] {
  return [
    ...checks.flatMap(({ name, expected, observed }) => [name, expected, observed]),
    ...residuals.map(({ what }) => what),
  ]
}

export interface ConnectorFixture {
  readonly connector: Connector
  /** Another process's connector to the same target. */
  restarted(): Promise<Connector>
  /** A new id each time, for something that the target may give. */
  newGrant(): TargetGrant
  /** What the target knows and may not give. */
  readonly notListed: string
  /** By the target's clock, epoch ms. */
  inOneHour(): number
  /** Null when refused. */
  logIn(details: ConnectionDetails): Promise<LiveSession | null>
  /** A session that leaves open the worst that its holder can: what the removal has to change. */
  holdUp(details: ConnectionDetails): Promise<LiveSession>
  /** Makes thousands of things that outlive the access. @returns how many residuals they are */
  leaveBehind(details: ConnectionDetails): Promise<number>
  /** Makes the target unreachable, and reachable again. */
  cut(): Promise<void>
  mend(): Promise<void>
  close(): Promise<void>
}

interface LiveSession {
  isAlive(): Promise<boolean>
  end(): Promise<void>
}

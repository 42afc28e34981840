import { expect, test } from 'vitest'
import { boundConnector } from '../../src/connectors/bounded-observation.ts'
import type { Connector, Residual, TargetGrant, Verification } from '../../src/ports/connector.ts'

const grant: TargetGrant = { id: 'G-1', target: 't', entitlement: 'write', grants: 'w', account: 'jit_g_1' }

function seen(residuals: readonly Residual[], observed = ''): Promise<Verification> {
  const checks = [{ name: 'role', expected: 'absent', observed, ok: false }]
  const verifyRemoved = async () => ({ verdict: 'still-present' as const, checks, residuals })
  return boundConnector({ verifyRemoved } as Partial<Connector> as Connector).verifyRemoved(grant)
}

const owned = (count: number, text: string): Residual[] =>
  Array.from({ length: count }, (_, at) => ({ kind: 'owned-object', what: `${at} ${text}` }))

test('what fits is left as it is', async () => {
  const residuals = owned(50, 'x')
  expect((await seen(residuals)).residuals).toEqual(residuals)
})

test('a text is cut visibly, and never inside of a character', async () => {
  const { checks } = await seen([], `${'x'.repeat(298)}😀😀`)
  expect(checks[0]?.observed).toBe(`${'x'.repeat(298)}…`)
})

test('characters that JSON writes at length do not make it too long', async () => {
  const { residuals } = await seen(owned(60, '\u0001'.repeat(400)))
  expect(Buffer.byteLength(JSON.stringify(residuals))).toBeLessThan(25 * 1024)
  expect(residuals.at(-1)?.what).toMatch(/^and \d+ more; SHA-256 of all 60: [0-9a-f]{64}$/)
})

test('the digest tells apart what the cut texts do not', async () => {
  const [one, two] = [await seen(owned(51, 'x'.repeat(400))), await seen(owned(51, `${'x'.repeat(400)}y`))]
  expect(one.residuals.slice(0, 50)).toEqual(two.residuals.slice(0, 50))
  expect(one.residuals[50]).not.toEqual(two.residuals[50])
  expect(one.residuals).toEqual((await seen(owned(51, 'x'.repeat(400)))).residuals)
})

import { describe, expect, it } from 'vitest'
import { createLog } from '../../src/telemetry/log.ts'
import { redactText, redactUrl } from '../../src/telemetry/redact.ts'

const SECRET = 'hunter2-do-not-show'

describe('createLog', () => {
  it('shows no secret, wherever it stands in an entry', () => {
    const { log, lines } = captured()
    const cause = new Error(`connect postgres://u:${SECRET}@h/db failed`)
    const failure = Object.assign(new Error(`Bearer ${SECRET}`, { cause }), { parameters: [SECRET], args: [SECRET] })

    log.info({ password: SECRET, deep: { headers: { Authorization: SECRET } }, list: [{ token: SECRET }] }, 'fields')
    log.info(`texts: https://h/x?access_token=${SECRET}&y=1`)
    log.info('arguments: %s %j', `postgres://u:${SECRET}@h/db`, { clientSecret: SECRET })
    log.child({ url: `postgres://u:${SECRET}@h/db`, apiKey: SECRET }).warn('child')
    log.error(failure)
    log.error({ err: failure })
    log.error({ err: failure }, 'with a message')

    expect(lines).toHaveLength(7)
    expect(lines.join('')).not.toContain(SECRET)
    expect(lines.join('')).toContain('[redacted]')
  })

  it('keeps ids, levels and the place of an error', () => {
    const { log, lines } = captured()
    log.child({ request: 'R-7K3QF' }).error({ grant: 'G-2', err: new Error('boom') }, 'not removed')
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      request: 'R-7K3QF',
      grant: 'G-2',
      msg: 'not removed',
      err: { message: 'boom', stack: expect.stringContaining('log.test.ts') },
    })
  })

  it('writes one readable line for a terminal', () => {
    const { log, lines } = captured(true)
    log.info({ request: 'R-1', password: SECRET }, 'asked')
    expect(lines).toEqual([
      expect.stringMatching(/^\d\d:\d\d:\d\d\.\d{3} info {2}asked request="R-1" password="\[redacted\]"\n$/),
    ])
  })

  it('writes nothing below its level', () => {
    const { log, lines } = captured()
    log.debug('no')
    expect(lines).toEqual([])
  })

  it('takes a circular object without failing', () => {
    const { log, lines } = captured()
    const circle: Record<string, unknown> = { name: 'x' }
    circle.self = circle
    log.info({ circle }, 'round')
    expect(lines).toHaveLength(1)
  })
})

describe('redaction of texts', () => {
  it.each([
    ['postgres://app:s3cr3t@db:5432/x', 'postgres://app:[redacted]@db:5432/x'],
    ['postgres://app:p@ss@db/x', 'postgres://app:[redacted]@db/x'],
    ['redis://:s3cr3t@cache', 'redis://:[redacted]@cache'],
    ['postgres://app@db/x?password=s3cr3t&a=1', 'postgres://app@db/x?password=[redacted]&a=1'],
    ['postgres://app@db/x', 'postgres://app@db/x'],
    ['http://localhost:3000/a@b', 'http://localhost:3000/a@b'],
    ['two http://a:b@c and http://d:e@f', 'two http://a:[redacted]@c and http://d:[redacted]@f'],
  ])('redactUrl(%s)', (text, expected) => {
    expect(redactUrl(text)).toBe(expected)
  })

  it.each([
    ['Authorization: Bearer eyJhbGciOi.abc', 'Authorization: Bearer [redacted]'],
    ['token xoxb-1234-abcdef rejected', 'token [redacted] rejected'],
    ['xapp-1-A0-abcdef', '[redacted]'],
    ['-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY----- end', '[redacted] end'],
    ['PRIVATE+KEY+log.example+deadbeef+AXk=', '[redacted]'],
    ['the bearer of this letter', 'the bearer of this letter'],
  ])('redactText(%s)', (text, expected) => {
    expect(redactText(text)).toBe(expected)
  })
})

function captured(pretty = false) {
  const lines: string[] = []
  return { lines, log: createLog({ level: 'info', pretty, to: { write: (line) => lines.push(line) } }) }
}

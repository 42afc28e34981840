import { globSync, readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { eventWords } from '../../src/cards/event-words.ts'

/** Told with what they say, each in the lines of its own story. */
const OF_A_STORY = /^(request|grant|extension|order|finding|freeze)\./

it('has words for every event that belongs to no story', () => {
  const types = globSync('src/domain/*-event.ts').flatMap((path) =>
    [...readFileSync(path, 'utf8').matchAll(/(?:Fact<\s*|type: )'([a-z-]+\.[a-z-]+)'/g)].map(([, type = '']) => type),
  )
  const alone = [...new Set(types)].filter((type) => !OF_A_STORY.test(type))
  expect(alone.length).toBeGreaterThan(40)
  expect(alone.filter((type) => eventWords(type) === type)).toEqual([])
})

import { readFileSync } from 'node:fs'
import { beforeAll, expect, it } from 'vitest'
import { VERBS } from '../../../src/domain/verbs.ts'
import { everyCard } from './every-card.ts'

/** What every form has, and what only opens one. */
const NOT_IN_SLACK = ['Refresh']

let table: string

beforeAll(() => {
  const page = readFileSync('docs/teams.md', 'utf8')
  table = page.slice(page.indexOf('## Side by side'), page.indexOf('## Both at once'))
})

it('names every command', () => {
  expect(VERBS.filter((verb) => !new RegExp(`\`${verb}\\b`).test(table))).toEqual([])
})

it('names every button of every card', () => {
  const buttons = everyCard().flatMap(([name, card]) => (name.startsWith('form ') ? [] : titlesIn(card)))
  const all = [...new Set(buttons)].filter((title) => !NOT_IN_SLACK.includes(title))
  expect(all.length).toBeGreaterThan(10)
  expect(all.filter((title) => !table.includes(`*${title}*`))).toEqual([])
})

it('names every form', () => {
  const source = readFileSync('src/cards/forms.ts', 'utf8')
  const written = [...source.matchAll(/^ {4}title: (.*),$/gm)].flatMap(([, title = '']) =>
    title.match(/['`][^'`]+['`]/g),
  )
  const titles = written.map((title) => (title ?? '').slice(1, -1)).filter((title) => title !== 'request')
  expect(titles).toHaveLength(5)
  const ofFindings = [...readFileSync('src/cards/finding-forms.ts', 'utf8').matchAll(/title: ['`]([A-Z][a-z ]+)/g)]
  expect(ofFindings).toHaveLength(3)
  const words = ofFindings.map(([, title = '']) => (title.startsWith('Let') ? 'Let it rest' : title))
  const shown = (title: string) => title.replace(/\$\{state\.target\}.*$/, 'prod-db:write')
  expect([...titles.map(shown), ...words].filter((title) => !table.includes(`*${title}*`))).toEqual([])
})

function titlesIn(card: unknown): string[] {
  const actions = (card as { actions?: { title?: string }[] }).actions ?? []
  return actions.flatMap(({ title }) => title ?? [])
}

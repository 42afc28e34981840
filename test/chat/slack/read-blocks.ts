/** What a reader sees of blocks, and what Slack would take for more than words. */
export function readBlocks(blocks: readonly unknown[]): { words: string; interpreted: string[] } {
  const interpreted: string[] = []
  const words = blocks.map((block) => readBlock(block as Block, interpreted)).join('\n')
  return { words, interpreted }
}

interface Block {
  type: string
  text?: string | Block
  emoji?: boolean
  elements?: Block[]
  label?: Block
  element?: Block
  fallback?: string
  user_id?: string
}

function readBlock(block: Block, interpreted: string[]): string {
  switch (block.type) {
    case 'header':
      return readBlock(block.text as Block, interpreted)
    case 'rich_text':
      return (block.elements ?? []).map((one) => readBlock(one, interpreted)).join('\n')
    case 'rich_text_section':
    case 'rich_text_preformatted':
      return (block.elements ?? []).map((one) => readBlock(one, interpreted)).join('')
    case 'context':
      return (block.elements ?? []).map((one) => readBlock(one, interpreted)).join(' ')
    case 'actions':
      return (block.elements ?? []).map((one) => `${readBlock(one.text as Block, interpreted)}\n`).join('')
    case 'input':
      return readBlock(block.label as Block, interpreted)
    // In rich text nothing is markup: only elements are more than words.
    case 'text':
      return String(block.text)
    case 'date':
      return String(block.fallback)
    case 'plain_text':
      if (block.emoji !== false && /:[a-z_]+:/.test(String(block.text))) interpreted.push('emoji')
      return String(block.text)
    case 'mrkdwn':
      return readMarkdown(String(block.text), interpreted)
    case 'link':
    case 'user':
      interpreted.push(block.type)
      return String(block.text ?? block.user_id)
    default:
      interpreted.push(block.type)
      return ''
  }
}

/** Dates are filled in; everything else that Slack would obey is told. */
function readMarkdown(text: string, interpreted: string[]): string {
  const filled = text.replaceAll(/<!date\^\d+\^[^|<>]+\|([^|<>]+)>/g, '$1')
  for (const markup of filled.match(/<[^>]*|[*_~`]\S|:[a-z_]+:/g) ?? []) interpreted.push(markup)
  return unescaped(filled)
}

/** A notification is not marked up, but what stands in angle brackets is obeyed there too. */
export function readNotification(text: string): { words: string; interpreted: string[] } {
  return { words: unescaped(text), interpreted: text.match(/<[^>]*/g) ?? [] }
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&')
}

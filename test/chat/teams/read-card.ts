/** What a reader sees of a card, and what Teams would take for more than words. */
export function readCard(card: unknown): { words: string; interpreted: string[] } {
  const interpreted: string[] = []
  const { body = [], actions = [] } = card as Piece
  const words = [...body.map((one) => readPiece(one, interpreted)), ...actions.map((one) => `${one.title}\n`)].join(
    '\n',
  )
  return { words, interpreted }
}

interface Piece {
  type?: string
  text?: string
  title?: string
  label?: string
  selectAction?: { url?: string }
  body?: Piece[]
  actions?: Piece[]
  items?: Piece[]
  columns?: Piece[]
  inlines?: Piece[]
}

function readPiece(piece: Piece, interpreted: string[]): string {
  const all = (pieces: Piece[] = [], between: string) => pieces.map((one) => readPiece(one, interpreted)).join(between)
  switch (piece.type) {
    case 'Container':
    case 'Column':
      return all(piece.items, '\n')
    case 'ColumnSet':
      return all(piece.columns, ': ')
    case 'RichTextBlock':
      return all(piece.inlines, '')
    case 'TextRun':
      if (piece.selectAction !== undefined) interpreted.push(`link ${piece.selectAction.url}`)
      return fill(piece.text ?? '', interpreted)
    case 'Input.Text':
    case 'Input.ChoiceSet':
      return piece.label ?? ''
    default:
      // A TextBlock or a FactSet would take Markdown: none of ours may be one.
      interpreted.push(String(piece.type))
      return ''
  }
}

/** Dates and times are filled in, as the renderers do. Ours stand in a run of their own; any other was typed. */
function fill(text: string, interpreted: string[]): string {
  const ours = /^(\{\{DATE\([^)]*\)\}\} )?\{\{TIME\([^)]*\)\}\}$/.test(text)
  const filled = text.replaceAll(/\{\{(?:DATE|TIME)\((\d{4}-\d{2}-\d{2}T[\d:]+Z)[^)]*\)\}\}/g, '$1')
  if (filled !== text && !ours) interpreted.push('date')
  return filled
}

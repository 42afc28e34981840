import { SyntaxKind } from 'typescript/unstable/ast'
import { createScanner } from 'typescript/unstable/ast/scanner'

/** One piece of a source: comments are gone, so that a rule never takes words for code. */
export interface Token {
  readonly kind: 'code' | 'text'
  /** As written for code; without quotes for the text of a string or of a part of a template. */
  readonly text: string
  readonly line: number
}

/** Cuts TypeScript into tokens with the compiler's own scanner. */
export function tokensOf(source: string): Token[] {
  const scanner = createScanner(true, STANDARD, source)
  const tokens: Token[] = []
  /** For each template that is open: how many braces are open within its current `${}`. */
  const templates: number[] = []
  let [line, counted] = [1, 0]
  for (;;) {
    let kind = scanner.scan()
    if (kind === SyntaxKind.EndOfFile) return tokens
    const before = tokens.at(-1)
    if ((kind === SyntaxKind.SlashToken || kind === SyntaxKind.SlashEqualsToken) && !isOperand(before)) {
      kind = scanner.reScanSlashToken()
    }
    const depth = templates.at(-1)
    if (kind === SyntaxKind.OpenBraceToken && depth !== undefined) templates[templates.length - 1] = depth + 1
    if (kind === SyntaxKind.CloseBraceToken && depth !== undefined) {
      if (depth > 0) templates[templates.length - 1] = depth - 1
      else {
        kind = scanner.reScanTemplateToken(false)
        if (kind === SyntaxKind.TemplateTail) templates.pop()
      }
    }
    if (kind === SyntaxKind.TemplateHead) templates.push(0)
    for (; counted < scanner.getTokenStart(); counted++) if (source[counted] === '\n') line++
    const isText = TEXTS.has(kind)
    tokens.push({
      kind: isText ? 'text' : 'code',
      text: isText ? scanner.getTokenValue() : scanner.getTokenText(),
      line,
    })
  }
}

/** What a source imports, exports from elsewhere, or loads later. */
export function importsOf(tokens: readonly Token[]): { readonly from: string; readonly line: number }[] {
  return tokens.flatMap(({ kind, text, line }, index) => {
    if (kind !== 'code') return []
    const next = tokens[index + 1]
    const afterNext = tokens[index + 2]
    if ((text === 'import' || text === 'require') && next?.text === '(') {
      return [{ from: afterNext?.kind === 'text' ? afterNext.text : '<computed>', line }]
    }
    if (text === 'import' && next?.kind === 'text') return [{ from: next.text, line }]
    const followed = tokens[index + 1]
    const isFrom = text === 'from' && followed?.kind === 'text' && /^[}*\w]/.test(tokens[index - 1]?.text ?? '')
    return isFrom ? [{ from: followed.text, line }] : []
  })
}

/** The lines where a row of code tokens stands. */
export function linesWith(tokens: readonly Token[], row: readonly string[]): number[] {
  return tokens.flatMap(({ line }, index) =>
    row.every((text, offset) => {
      const token = tokens[index + offset]
      return token?.text === text
    })
      ? [line]
      : [],
  )
}

function isOperand(token: Token | undefined): boolean {
  if (token === undefined) return false
  if (token.kind === 'text') return true
  return /^[\w$\])}]/.test(token.text) && !/^(return|typeof|case|in|of|await|yield|void)$/.test(token.text)
}

const STANDARD = 0
const TEXTS: ReadonlySet<SyntaxKind> = new Set([
  SyntaxKind.StringLiteral,
  SyntaxKind.NoSubstitutionTemplateLiteral,
  SyntaxKind.TemplateHead,
  SyntaxKind.TemplateMiddle,
  SyntaxKind.TemplateTail,
])

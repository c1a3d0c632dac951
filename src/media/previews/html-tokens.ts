import { decodeEntities } from './html-entities.ts'

/** A piece of an HTML text: a tag with its attributes, or what stands between tags, with its references replaced. */
export type HtmlToken =
  | { readonly kind: 'open'; readonly name: string; readonly attributes: ReadonlyMap<string, string> }
  | { readonly kind: 'close'; readonly name: string }
  | { readonly kind: 'text'; readonly text: string }

/** Elements whose content is no markup. */
const rawElements: ReadonlySet<string> = new Set(['script', 'style', 'title', 'textarea', 'iframe', 'noembed', 'xmp'])
const mostAttributes = 40

/**
 * Splits HTML into tokens. It never looks back, so its time grows with the length of the text and nothing else, whatever
 * the text is; what browsers do to repair wrong markup is left out.
 */
export function* htmlTokens(html: string): Generator<HtmlToken> {
  const lower = html.replace(/[A-Z]+/g, (letters) => letters.toLowerCase())
  let at = 0
  while (at < html.length) {
    const start = html.indexOf('<', at)
    if (start < 0) return yield* textToken(html.slice(at))
    yield* textToken(html.slice(at, start))
    const next = html[start + 1] ?? ''
    if (html.startsWith('<!--', start)) at = after(html, '-->', start + 4)
    else if (next === '!' || next === '?') at = after(html, '>', start + 2)
    else if (next === '/') {
      at = after(html, '>', start + 2)
      const name = /^[a-z][a-z0-9-]{0,31}/.exec(lower.slice(start + 2, start + 34))?.[0]
      if (name) yield { kind: 'close', name }
    } else if (/[a-z]/.test(lower[start + 1] ?? '')) {
      const tag = readTag(html, lower, start + 1)
      yield { kind: 'open', name: tag.name, attributes: tag.attributes }
      at = tag.end
      if (rawElements.has(tag.name)) {
        const end = lower.indexOf(`</${tag.name}`, at)
        const content = html.slice(at, end < 0 ? html.length : end)
        if (tag.name === 'title') yield* textToken(content)
        at = end < 0 ? html.length : end
      }
    } else {
      yield* textToken('<')
      at = start + 1
    }
  }
}

function* textToken(text: string): Generator<HtmlToken> {
  if (text !== '') yield { kind: 'text', text: decodeEntities(text) }
}

/** The place behind the next `mark`; the end of the text where there is none. */
function after(html: string, mark: string, from: number): number {
  const found = html.indexOf(mark, from)
  return found < 0 ? html.length : found + mark.length
}

const space = /[\s/]/

/** Reads a tag from its name on: `end` is behind its `>`. */
function readTag(html: string, lower: string, start: number) {
  const attributes = new Map<string, string>()
  let at = nameEnd(lower, start)
  const name = lower.slice(start, Math.min(at, start + 32))
  while (at < html.length && html[at] !== '>') {
    if (space.test(html[at] ?? '')) {
      at++
      continue
    }
    const keyStart = at
    // A sign of equality may begin a name.
    at = nameEnd(lower, at + 1)
    const key = lower.slice(keyStart, Math.min(at, keyStart + 64))
    const value = readValue(html, at)
    at = value.end
    if (attributes.size < mostAttributes && !attributes.has(key)) attributes.set(key, value.text)
  }
  return { name, attributes, end: at + 1 }
}

function nameEnd(text: string, from: number): number {
  let at = from
  while (at < text.length && !/[\s/>=]/.test(text[at] ?? '')) at++
  return at
}

const longestValue = 4096

/** The value behind an attribute's name, where it has one. */
function readValue(html: string, from: number): { text: string; end: number } {
  let at = from
  while (/\s/.test(html[at] ?? '')) at++
  if (html[at] !== '=') return { text: '', end: at }
  at++
  while (/\s/.test(html[at] ?? '')) at++
  const quote = html[at]
  const isQuoted = quote === '"' || quote === "'"
  const start = isQuoted ? at + 1 : at
  let end = start
  if (isQuoted) {
    const found = html.indexOf(quote, start)
    end = found < 0 ? html.length : found
  } else {
    while (end < html.length && !/[\s>]/.test(html[end] ?? '')) end++
  }
  const text = decodeEntities(html.slice(start, Math.min(end, start + longestValue)))
  return { text, end: isQuoted ? end + 1 : end }
}

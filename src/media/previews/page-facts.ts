import { htmlTokens } from './html-tokens.ts'

/** What a page says about itself. Texts are trimmed, and never empty. */
export interface PageFacts {
  /** The first value of each `<meta>` by its name or property, in lower case. */
  readonly meta: ReadonlyMap<string, string>
  readonly title: string | undefined
  /** The beginning of what the page says in paragraphs. */
  readonly text: string | undefined
  /** From where addresses on the page go, as the page has it; undefined: from its own address. */
  readonly base: string | undefined
  /** The address of a picture that stands for the page, as the page has it. */
  readonly image: string | undefined
  /** The address of its oEmbed description in JSON, as the page has it. */
  readonly oembed: string | undefined
}

const mostTokens = 50_000
const longestText = 500
const smallestImage = 100

/** Reads a page. What stands in headers, footers and menus is not taken for its text. */
export function readPage(html: string): PageFacts {
  const reader = new PageReader()
  let count = 0
  for (const token of htmlTokens(html)) {
    if (token.kind === 'open') reader.open(token.name, token.attributes)
    else if (token.kind === 'close') reader.close(token.name)
    else reader.text(token.text)
    if (++count >= mostTokens) break
  }
  return reader.facts()
}

const asides: ReadonlySet<string> = new Set(['nav', 'header', 'footer', 'aside', 'form', 'button', 'svg', 'noscript'])
const blocks: ReadonlySet<string> = new Set(['p', 'div', 'td', 'li', 'section', 'article', 'main', 'body', 'br', 'h1'])

class PageReader {
  readonly #meta = new Map<string, string>()
  #base: string | undefined
  #title: string | undefined
  #linkedImage: string | undefined
  #shownImage: string | undefined
  #oembed: string | undefined
  #paragraphs = ''
  #inTitle = false
  #inParagraph = false
  #asideDepth = 0

  open(name: string, attributes: ReadonlyMap<string, string>): void {
    if (name === 'meta') this.#readMeta(attributes)
    else if (name === 'link') this.#readLink(attributes)
    else if (name === 'base') this.#base ??= attributes.get('href')?.trim() || undefined
    else if (name === 'img') this.#readImage(attributes)
    else if (name === 'title') this.#inTitle = this.#title === undefined
    else if (asides.has(name)) this.#asideDepth++
    if (blocks.has(name)) this.#inParagraph = name === 'p'
  }

  close(name: string): void {
    if (name === 'title') this.#inTitle = false
    else if (asides.has(name)) this.#asideDepth = Math.max(0, this.#asideDepth - 1)
    if (blocks.has(name)) this.#inParagraph = false
  }

  text(text: string): void {
    if (this.#inTitle) this.#title ??= clean(text)
    else if (this.#inParagraph && this.#asideDepth === 0 && this.#paragraphs.length < longestText)
      this.#paragraphs += ` ${text.slice(0, 2 * longestText)}`
  }

  facts(): PageFacts {
    return {
      meta: this.#meta,
      base: this.#base,
      title: this.#title,
      text: shorten(clean(this.#paragraphs), longestText),
      image: this.#linkedImage ?? this.#shownImage,
      oembed: this.#oembed,
    }
  }

  #readMeta(attributes: ReadonlyMap<string, string>): void {
    const name = attributes.get('property') ?? attributes.get('name') ?? attributes.get('itemprop')
    const content = clean(attributes.get('content') ?? '')
    const key = name?.trim().toLowerCase()
    if (key && content !== undefined && !this.#meta.has(key) && this.#meta.size < 200) this.#meta.set(key, content)
  }

  #readLink(attributes: ReadonlyMap<string, string>): void {
    const href = attributes.get('href')?.trim()
    const rels = (attributes.get('rel') ?? '').toLowerCase().split(/\s+/)
    if (!href) return
    if (rels.includes('image_src')) this.#linkedImage ??= href
    if (rels.includes('alternate') && attributes.get('type')?.trim().toLowerCase() === 'application/json+oembed')
      this.#oembed ??= href
  }

  #readImage(attributes: ReadonlyMap<string, string>): void {
    const isLarge = ['width', 'height'].every((side) => Number(attributes.get(side)) >= smallestImage)
    if (isLarge && this.#asideDepth === 0) this.#shownImage ??= attributes.get('src')?.trim() || undefined
  }
}

/** One line without control characters; undefined where nothing is left. */
export function clean(text: string): string | undefined {
  const line = text.replace(/[\s\p{Cc}]+/gu, ' ').trim()
  return line.toWellFormed() || undefined
}

/** Cuts a text, behind a word where there is one. */
export function shorten<T extends string | undefined>(text: T, longest: number): T | string {
  if (text === undefined || text.length <= longest) return text
  const cut = text.slice(0, longest)
  const lastSpace = cut.lastIndexOf(' ')
  return `${(lastSpace > longest / 2 ? cut.slice(0, lastSpace) : cut).toWellFormed()}…`
}

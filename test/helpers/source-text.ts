/** One import or re-export of a source file. */
export interface Import {
  readonly specifier: string
  /** Erased at run time: `import type` or `export type`. */
  readonly isType: boolean
  /** What stands between the keyword and `from`. */
  readonly names: string
}

const beforeRegex =
  /(?:[=(,:;!&|?{}[\]+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/

/**
 * Replaces the text of comments, strings and regular expressions by spaces, so that what is left is code. The quotes stay,
 * and so do `${...}` parts of templates.
 */
export function codeOnly(source: string, options: { keepStrings?: boolean } = {}): string {
  let out = ''
  let i = 0
  const blank = (text: string) => text.replace(/[^\n]/g, ' ')
  const take = (end: number, keep: boolean) => {
    const text = source.slice(i, end)
    out += keep || text.length < 2 ? text : text[0] + blank(text.slice(1, -1)) + text.at(-1)
    i = end
  }
  /** Copies code until the brace that closes it, or to the end. */
  const code = (inTemplate: boolean): void => {
    let depth = 0
    while (i < source.length) {
      const char = source[i] ?? ''
      const next = source[i + 1]
      if (char === '/' && next === '/') comment(source.indexOf('\n', i))
      else if (char === '/' && next === '*') comment(source.indexOf('*/', i) + 2)
      else if (char === '"' || char === "'") take(endOfString(i), options.keepStrings === true)
      else if (char === '`') template()
      else if (char === '/' && (out.trim() === '' || beforeRegex.test(out.slice(-20)))) take(endOfRegex(i), false)
      else {
        if (char === '{') depth++
        if (char === '}' && inTemplate && depth-- === 0) return
        out += char
        i++
      }
    }
  }
  const comment = (end: number) => {
    const stop = end <= i ? source.length : end
    out += blank(source.slice(i, stop))
    i = stop
  }
  const endOfString = (start: number) => {
    let end = start + 1
    while (end < source.length && source[end] !== source[start] && source[end] !== '\n')
      end += source[end] === '\\' ? 2 : 1
    return end + 1
  }
  const endOfRegex = (start: number) => {
    let end = start + 1
    for (let inClass = false; end < source.length && (inClass || source[end] !== '/') && source[end] !== '\n'; end++) {
      if (source[end] === '\\') end++
      else if (source[end] === '[') inClass = true
      else if (source[end] === ']') inClass = false
    }
    return end + 1
  }
  const template = () => {
    out += '`'
    i++
    while (i < source.length && source[i] !== '`') {
      if (source[i] === '$' && source[i + 1] === '{') {
        out += '${'
        i += 2
        code(true)
        out += '}'
        i++
      } else {
        const step = source[i] === '\\' ? 2 : 1
        out += blank(source.slice(i, i + step))
        i += step
      }
    }
    out += '`'
    i++
  }
  code(false)
  return out
}

/** Every static and dynamic import and re-export of a source file. */
export function importsOf(source: string): Import[] {
  const text = codeOnly(source, { keepStrings: true })
  const found: Import[] = []
  const statement =
    /^[ \t]*(?:import|export)\b((?:(?!^[ \t]*(?:import|export)\b)[^'"`;=])*?)\bfrom\s*['"]([^'"\n]+)['"]/gm
  for (const [, names = '', specifier = ''] of text.matchAll(statement)) {
    found.push({ specifier, names, isType: /^\s*type\b/.test(names) })
  }
  for (const [, specifier = ''] of text.matchAll(/(?:^[ \t]*import\s*|\bimport\s*\(\s*)['"]([^'"\n]+)['"]/gm)) {
    found.push({ specifier, names: '', isType: false })
  }
  return found
}

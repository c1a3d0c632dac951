/**
 * Globs that match whole words inside a text, as push rules look for them in `content.body`. A match begins and ends at
 * the edge of the text or beside a character that is no ASCII letter, digit or underscore. Written out instead of made
 * into a regular expression, which takes exponential time for globs that a user can write.
 */

interface Part {
  readonly text: string
  /** Without question marks that stand for any character. */
  readonly isLiteral: boolean
}

/** A test for texts, both sides in the same case. */
export function compileWordGlob(glob: string): (text: string) => boolean {
  const parts = glob.split(/\*+/).map((text) => ({ text, isLiteral: !text.includes('?') }))
  const last = parts.pop()
  const first = parts.shift()
  if (last === undefined) return () => false
  if (first === undefined) return (text) => find(text, last, 0, true, true) >= 0
  return (text) => {
    // The earliest end of each part leaves the most room for the parts after it.
    let at = find(text, first, 0, true, false)
    for (const part of parts) {
      if (at < 0) return false
      at = find(text, part, at, false, false)
    }
    return at >= 0 && find(text, last, at, false, true) >= 0
  }
}

/** Whether these words, taken as they are, stand in the text. */
export function containsWords(text: string, words: string): boolean {
  return find(text, { text: words, isLiteral: true }, 0, true, true) >= 0
}

/** Where the first match of `part` at or after `from` ends, at word boundaries where asked; -1 if there is none. */
function find(text: string, part: Part, from: number, startsWord: boolean, endsWord: boolean): number {
  for (let start = from; start <= text.length; start++) {
    if (part.isLiteral) {
      start = text.indexOf(part.text, start)
      if (start < 0) return -1
    }
    if (startsWord && start > 0 && isWordCharacter(text.charCodeAt(start - 1))) continue
    const end = part.isLiteral ? start + part.text.length : matchAt(text, part.text, start)
    if (end >= 0 && (!endsWord || end === text.length || !isWordCharacter(text.charCodeAt(end)))) return end
  }
  return -1
}

function matchAt(text: string, part: string, start: number): number {
  let at = start
  for (let i = 0; i < part.length; i++) {
    if (at >= text.length) return -1
    const isWild = part[i] === '?'
    if (!isWild && part[i] !== text[at]) return -1
    // One question mark stands for one character, also for one of two UTF-16 units.
    at += isWild && (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1
  }
  return at
}

function isWordCharacter(code: number): boolean {
  return (
    (code >= 0x61 && code <= 0x7a) || (code >= 0x41 && code <= 0x5a) || (code >= 0x30 && code <= 0x39) || code === 0x5f
  )
}

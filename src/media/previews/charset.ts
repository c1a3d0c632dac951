/** The text of an HTML page: its encoding is told by a byte order mark, the header, the page itself, or guessed. */
export function decodePage(bytes: Buffer, contentType: string): string {
  return decoderFor(bytes, contentType).decode(bytes)
}

function decoderFor(bytes: Buffer, contentType: string) {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be')
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le')
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return new TextDecoder()
  const head = bytes.toString('latin1', 0, 1024)
  return decoderOf(charsetIn(contentType)) ?? decoderOf(charsetWithin(head)) ?? new TextDecoder()
}

/** What a page says of its own encoding. One in which this could not have been read is not meant. */
function charsetWithin(head: string): string | undefined {
  const xml = /^\s*<\?xml\s[^>]*?encoding\s*=\s*["']([\w-]{1,40})/i.exec(head)?.[1]
  const named = charsetIn(/<meta\s[^>]*charset[^>]*/i.exec(head)?.[0] ?? '') ?? xml
  return named !== undefined && /^utf-?16/i.test(named) ? undefined : named
}

function charsetIn(text: string): string | undefined {
  return /charset\s*=\s*["']?\s*([\w-]{1,40})/i.exec(text)?.[1]
}

function decoderOf(label: string | undefined) {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label)
  } catch {
    // Nobody knows that name; most of the web is UTF-8.
    return undefined
  }
}

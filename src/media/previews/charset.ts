/** The text of an HTML page: its encoding is told by a byte order mark, the header, the page itself, or guessed. */
export function decodePage(bytes: Buffer, contentType: string): string {
  return decoderFor(bytes, contentType).decode(bytes)
}

function decoderFor(bytes: Buffer, contentType: string) {
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return new TextDecoder('utf-16be')
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return new TextDecoder('utf-16le')
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) return new TextDecoder()
  const head = bytes.toString('latin1', 0, 1024)
  const named = charsetIn(contentType) ?? charsetIn(/<meta\s[^>]*charset[^>]*/i.exec(head)?.[0] ?? '')
  return decoderOf(named) ?? new TextDecoder()
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

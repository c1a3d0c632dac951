const plain = /^[\w !#$&'()*+,./:;<=>?@[\]^`{|}~-]*$/

/**
 * A `Content-Disposition` for a file of some name, in any script: https://www.rfc-editor.org/rfc/rfc6266. Programs that
 * do not read the encoded form get one that has `_` for what ASCII lacks.
 */
export function contentDisposition(kind: 'inline' | 'attachment', fileName: string | null | undefined): string {
  if (!fileName) return kind
  if (plain.test(fileName)) return `${kind}; filename="${fileName}"`
  const fallback = fileName.replace(/[^\x20-\x7e]|["\\%]/gu, '_')
  return `${kind}; filename="${fallback}"; filename*=UTF-8''${encodeExtended(fileName)}`
}

/** https://www.rfc-editor.org/rfc/rfc8187#section-3.2.1 */
function encodeExtended(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /['()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

const longestName = 255

/** A file's name as it is kept: control characters are dropped, and what is longer than 255 characters is cut. */
export function readFileName(text: string | undefined): string | undefined {
  const clean = (text ?? '').toWellFormed().replace(/\p{Cc}/gu, '')
  return clean === '' ? undefined : [...clean].slice(0, longestName).join('')
}

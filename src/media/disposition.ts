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

/** The file name that another server's `Content-Disposition` gives, in either form; undefined where there is none. */
export function fileNameOf(disposition: string | undefined): string | undefined {
  const extended = /;\s*filename\*\s*=\s*utf-8'[^']*'([^;\s]+)/i.exec(disposition ?? '')?.[1]
  if (extended !== undefined) {
    try {
      return readFileName(decodeURIComponent(extended))
    } catch {
      // A name that is encoded wrongly may still stand there in plain form.
    }
  }
  const [, quoted, token] = /;\s*filename\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s"]+))/i.exec(disposition ?? '') ?? []
  return readFileName(quoted?.replace(/\\(.)/g, '$1') ?? token)
}

const longestName = 255

/** A file's name as it is kept: control characters are dropped, and what is longer than 255 characters is cut. */
export function readFileName(text: string | undefined): string | undefined {
  const clean = (text ?? '').toWellFormed().replace(/\p{Cc}/gu, '')
  return clean === '' ? undefined : [...clean].slice(0, longestName).join('')
}

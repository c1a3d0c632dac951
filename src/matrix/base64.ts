/** Unpadded Base64: https://spec.matrix.org/v1.19/appendices/#unpadded-base64 */

const base64Pattern = /^[A-Za-z0-9+/_-]*={0,2}$/

/** Standard alphabet, without padding. */
export function encodeBase64(bytes: Uint8Array): string {
  const text = view(bytes).toString('base64')
  const padding = text.indexOf('=', text.length - 2)
  return padding < 0 ? text : text.slice(0, padding)
}

/** URL-safe alphabet, without padding. */
export function encodeBase64Url(bytes: Uint8Array): string {
  return view(bytes).toString('base64url')
}

/** Reads either alphabet, padded or not; undefined where the text is not Base64. */
export function decodeBase64(text: string): Buffer | undefined {
  if (!base64Pattern.test(text)) return undefined
  const length = text.replace(/=+$/, '').length
  return length % 4 === 1 ? undefined : Buffer.from(text, 'base64')
}

function view(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

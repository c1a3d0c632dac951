/** https://spec.matrix.org/v1.19/client-server-api/#serving-inline-content */
const inlineTypes: ReadonlySet<string> = new Set([
  'text/css',
  'text/plain',
  'text/csv',
  'application/json',
  'application/ld+json',
  'image/jpeg',
  'image/gif',
  'image/png',
  'image/apng',
  'image/webp',
  'image/avif',
  'video/mp4',
  'video/webm',
  'video/ogg',
  'video/quicktime',
  'audio/mp4',
  'audio/webm',
  'audio/aac',
  'audio/mpeg',
  'audio/ogg',
  'audio/wave',
  'audio/wav',
  'audio/x-wav',
  'audio/x-pn-wav',
  'audio/flac',
  'audio/x-flac',
])

const unknownType = 'application/octet-stream'
const typePattern = /^[!#$&^_.+\w-]{1,127}\/[!#$&^_.+\w-]{1,127}(?: *;[ -~]*)?$/

/** What a client says its file is; undefined where it says nothing that could be a media type. */
export function readContentType(header: string | undefined): string | undefined {
  const text = header?.trim() ?? ''
  return text.length <= 255 && typePattern.test(text) ? text : undefined
}

/** `text/html` of `Text/HTML; charset=utf-8`. */
export function essenceOf(contentType: string): string {
  return (contentType.split(';')[0] ?? '').trim().toLowerCase()
}

/** Whether browsers may show it in place, so that no script of the sender's runs. */
export function isInline(contentType: string): boolean {
  return inlineTypes.has(essenceOf(contentType))
}

/** Pictures, or sound and moving pictures, whose containers are the same. */
function familyOf(contentType: string): 'picture' | 'recording' | undefined {
  const essence = essenceOf(contentType)
  if (essence.startsWith('image/')) return 'picture'
  return /^(?:audio|video)\//.test(essence) || essence === 'application/ogg' ? 'recording' : undefined
}

/**
 * The type that a file is served as: the uploader's, unless the file's first bytes show that it is something else. All
 * pictures that are shown in place can be told by their first bytes; some recordings cannot.
 */
export function servedType(declared: string | null, detected: string | null): string {
  if (declared === null) return unknownType
  const family = familyOf(declared)
  if (family === undefined) return declared
  if (detected === null) return family === 'picture' && isInline(declared) ? unknownType : declared
  return familyOf(detected) === family ? declared : unknownType
}

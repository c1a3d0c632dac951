import { isServerName, type ServerName } from './ids.ts'

/** Names content on some server: https://spec.matrix.org/v1.19/client-server-api/#matrix-content-mxc-uris */
export interface MediaRef {
  readonly origin: ServerName
  readonly mediaId: string
}

const mediaIdPattern = /^[\w-]{1,255}$/

/** https://spec.matrix.org/v1.19/client-server-api/#security-considerations-5: nothing that could mean a path. */
export function isMediaId(text: string): boolean {
  return mediaIdPattern.test(text)
}

export function formatMxc({ origin, mediaId }: MediaRef): string {
  return `mxc://${origin}/${mediaId}`
}

/** Undefined for what is no `mxc:` URI. A fragment or query, which some clients add, does not count. */
export function parseMxc(uri: string): MediaRef | undefined {
  const [, origin, mediaId] = /^mxc:\/\/([^/]+)\/([^/?#]+)/.exec(uri) ?? []
  if (origin === undefined || mediaId === undefined) return undefined
  return isServerName(origin) && isMediaId(mediaId) ? { origin, mediaId } : undefined
}

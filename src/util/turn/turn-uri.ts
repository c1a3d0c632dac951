export interface TurnUri {
  readonly isTurn: boolean
  readonly host: string
  readonly port: number
  readonly transport: 'udp' | 'tcp' | 'tls'
}

const pattern = /^(stun|turn)(s?):(\[[0-9a-f:.]+\]|[^:?/]+)(?::(\d{1,5}))?(?:\?transport=(udp|tcp))?$/i

/** Reads `turn:host:port?transport=udp` and its relatives; undefined where it is none. https://www.rfc-editor.org/rfc/rfc7065 */
export function parseTurnUri(uri: string): TurnUri | undefined {
  const [, scheme, secure, host, port, transport] = pattern.exec(uri) ?? []
  if (scheme === undefined || host === undefined) return undefined
  const isSecure = secure !== ''
  return {
    isTurn: scheme.toLowerCase() === 'turn',
    host: host.replace(/^\[|\]$/g, ''),
    port: port === undefined ? (isSecure ? 5349 : 3478) : Number(port),
    // TLS over UDP is DTLS, which clients use as little as we do.
    transport: isSecure ? 'tls' : transport?.toLowerCase() === 'tcp' ? 'tcp' : 'udp',
  }
}

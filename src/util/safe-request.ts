import type { OutgoingHttpHeaders } from 'node:http'

export interface SafeRequest {
  method?: string
  /** A `host` header is sent as it is, for servers reached under another name. */
  headers?: OutgoingHttpHeaders
  body?: string | Uint8Array
  signal?: AbortSignal
  /** For the whole exchange with its redirects and its body; 30 s unless given. */
  timeoutMs?: number
  /** For the connection with its TLS; as long as the whole exchange unless given. */
  connectTimeoutMs?: number
  /** The largest body that is read; 10 MiB unless given. */
  maxBytes?: number
  /** 5 unless given; with 0 a redirect is returned like any answer. */
  maxRedirects?: number
  /** The name that the certificate must carry, where it is not the URL's. */
  servername?: string
  /** Doing it twice does no harm: it is sent again where a connection that had idled turns out to be closed. All but POST are. */
  isRepeatable?: boolean
  /** Refuses to be led to an address without TLS. */
  secureOnly?: boolean
}

import { z } from 'zod'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { type FederationTransport, RemoteError } from './ports.ts'

const paths = [
  '/_matrix/federation/v1/rtc/livekit/get_token',
  '/_matrix/federation/unstable/io.element.msc4195/rtc/livekit/get_token',
]
const answer = z.object({ jwt: z.string().max(16_384), url: z.string().max(2048).optional() })

/** What a user of ours joins a call at another server's LiveKit with. https://github.com/matrix-org/matrix-spec-proposals/pull/4195 */
export async function requestLivekitToken(
  transport: FederationTransport,
  destination: ServerName,
  body: JsonObject,
): Promise<z.output<typeof answer>> {
  let refusal: RemoteError | undefined
  for (const path of paths) {
    try {
      return await transport.request({
        destination,
        method: 'POST',
        path,
        body,
        answer,
        timeoutMs: 15_000,
        maxBytes: 64 * 1024,
      })
    } catch (error) {
      // Servers may know either path.
      if (!(error instanceof RemoteError && error.status === 404)) throw error
      refusal = error
    }
  }
  throw refusal
}

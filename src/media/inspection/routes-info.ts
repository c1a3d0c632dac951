import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import { isServerName } from '../../matrix/ids.ts'
import { servedType } from '../content-type.ts'

const query = z.object({ timeout_ms: z.int().min(0).default(20_000) })

/**
 * What is known of a file, in the shape of the `info` that messages carry, so that clients which cannot look into files
 * may copy it.
 */
export function mediaInfoRoutes({ media }: Pick<AppContext, 'media'>): Endpoint[] {
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_ringback/v1/media/info/{serverName}/{mediaId}',
        auth: 'user',
        limit: 'download',
        query,
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#mimage',
      },
      async ({ params, query: { timeout_ms: timeoutMs }, signal }) => {
        if (!isServerName(params.serverName)) throw errors.notFound()
        const ref = { origin: params.serverName, mediaId: params.mediaId }
        const found = await media.downloads.find(ref, { timeoutMs, allowRemote: true, signal })
        const facts = await media.inspector.facts(found.blob, signal)
        const info = {
          mimetype: servedType(found.contentType, found.blob.detectedType),
          size: found.blob.size,
          w: facts.width,
          h: facts.height,
          duration: facts.durationMs,
          'xyz.amorgan.blurhash': facts.blurhash,
        }
        const codecs = { video: facts.videoCodec, audio: facts.audioCodec }
        return { info: withoutNulls(info), codecs: withoutNulls(codecs) }
      },
    ),
  ]
}

function withoutNulls(values: Readonly<Record<string, string | number | null>>) {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null))
}

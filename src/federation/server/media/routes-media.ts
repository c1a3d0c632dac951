import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { thumbnailQuery } from '../../../media/routes-thumbnails.ts'
import { multipartReply } from './multipart.ts'

const spec = 'https://spec.matrix.org/v1.19/server-server-api/'
const query = z.object({ timeout_ms: z.int().min(0).default(20_000) })

/** Our users' files, for other servers. */
export function mediaRoutes({ media, serverName }: Pick<AppContext, 'media' | 'serverName'>): Endpoint[] {
  const find = (mediaId: string, timeoutMs: number, signal: AbortSignal) =>
    media.downloads.find({ origin: serverName, mediaId }, { timeoutMs, allowRemote: false, signal })
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/media/download/{mediaId}',
        auth: 'server',
        query,
        spec: `${spec}#get_matrixfederationv1mediadownloadmediaid`,
      },
      async ({ method, params, query, signal, origin: server }) =>
        multipartReply(method, media.served(await find(params.mediaId, query.timeout_ms, signal), { server })),
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/federation/v1/media/thumbnail/{mediaId}',
        auth: 'server',
        query: thumbnailQuery,
        spec: `${spec}#get_matrixfederationv1mediathumbnailmediaid`,
      },
      async ({ method, params, query, signal }) => {
        const found = await find(params.mediaId, query.timeout_ms, signal)
        const file = await media.thumbnails.get(found, query, signal)
        return multipartReply(method, { ...file, isEphemeral: found.isEphemeral })
      },
    ),
  ]
}

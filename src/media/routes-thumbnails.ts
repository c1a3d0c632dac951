import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, type EndpointRequest, endpoint, type Requester } from '../http/endpoint.ts'
import type { Reply } from '../http/reply.ts'
import { errors } from '../matrix/errors.ts'
import { isServerName } from '../matrix/ids.ts'
import { fileReply } from './file-reply.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

export const thumbnailQuery = z.object({
  width: z.int().min(1),
  height: z.int().min(1),
  method: z.enum(['crop', 'scale']).default('scale'),
  animated: z.boolean().default(false),
  timeout_ms: z.int().min(0).default(20_000),
})
const legacyQuery = thumbnailQuery.extend({
  allow_remote: z.boolean().default(true),
  allow_redirect: z.boolean().default(false),
})

type ThumbnailRequest = EndpointRequest<
  { serverName: string; mediaId: string },
  z.output<typeof thumbnailQuery> & { allow_remote?: boolean },
  undefined,
  Requester | undefined
>

/** Small versions of pictures, with an access token and, where the configuration allows it, without. */
export function thumbnailRoutes({ media, config }: Pick<AppContext, 'media' | 'config'>): Endpoint[] {
  const thumbnail = async (request: ThumbnailRequest): Promise<Reply> => {
    const { params, query, signal } = request
    if (!isServerName(params.serverName)) throw errors.notFound()
    const ref = { origin: params.serverName, mediaId: params.mediaId }
    const { timeout_ms: timeoutMs, allow_remote: allowRemote = true } = query
    const found = await media.downloads.find(ref, { timeoutMs, allowRemote, signal })
    return fileReply(request, await media.thumbnails.get(found, query, signal))
  }
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/media/thumbnail/{serverName}/{mediaId}',
        auth: 'user-or-guest',
        limit: 'download',
        query: thumbnailQuery,
        spec: `${spec}get_matrixclientv1mediathumbnailservernamemediaid`,
      },
      thumbnail,
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/media/v3/thumbnail/{serverName}/{mediaId}',
        auth: 'none',
        limit: 'download',
        query: legacyQuery,
        spec: `${spec}get_matrixmediav3thumbnailservernamemediaid`,
      },
      (request) => {
        if (!config.media.allow_legacy_unauthenticated) throw errors.notFound('Media needs an access token here')
        return thumbnail(request)
      },
    ),
  ]
}

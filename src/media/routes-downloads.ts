import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, type EndpointRequest, endpoint, type Requester } from '../http/endpoint.ts'
import type { Reply } from '../http/reply.ts'
import { errors } from '../matrix/errors.ts'
import { isServerName } from '../matrix/ids.ts'
import { readFileName } from './disposition.ts'
import { fileReply } from './file-reply.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

const query = z.object({
  // Of administrators, as tools that are made for Synapse ask.
  admin_unsafely_bypass_quarantine: z.boolean().default(false),
  timeout_ms: z.int().min(0).default(20_000),
  // Not in the specification, which has every client with a token follow redirects: whoever does not can say so.
  allow_redirect: z.boolean().default(true),
})
const legacyQuery = query.extend({
  allow_remote: z.boolean().default(true),
  allow_redirect: z.boolean().default(false),
})

type Place = { serverName: string; mediaId: string; fileName?: string }
type DownloadRequest = EndpointRequest<
  Place,
  { admin_unsafely_bypass_quarantine: boolean; timeout_ms: number; allow_redirect: boolean; allow_remote?: boolean },
  undefined,
  Requester | undefined
>

/** How files go out, with an access token and, where the configuration allows it, without. */
export function downloadRoutes({ media, config }: Pick<AppContext, 'media' | 'config'>): Endpoint[] {
  const download = async (request: DownloadRequest): Promise<Reply> => {
    const { serverName: origin, mediaId, fileName } = request.params
    if (!isServerName(origin)) throw errors.notFound()
    const found = await media.downloads.find(
      { origin, mediaId },
      {
        timeoutMs: request.query.timeout_ms,
        allowRemote: request.query.allow_remote ?? true,
        signal: request.signal,
        isQuarantineIgnored: request.query.admin_unsafely_bypass_quarantine && request.requester?.isAdmin === true,
      },
    )
    const file = media.served(found, request.requester, readFileName(fileName))
    return fileReply(request, file, { allowRedirect: request.query.allow_redirect })
  }
  const legacyDownload = (request: DownloadRequest): Promise<Reply> => {
    if (!config.media.allow_legacy_unauthenticated) throw errors.notFound('Media needs an access token here')
    return download(request)
  }
  const authed = { method: 'GET', auth: 'user-or-guest', limit: 'download', query } as const
  const legacy = { method: 'GET', auth: 'none', limit: 'download', query: legacyQuery } as const
  return [
    endpoint(
      {
        ...authed,
        path: '/_matrix/client/v1/media/download/{serverName}/{mediaId}',
        spec: `${spec}get_matrixclientv1mediadownloadservernamemediaid`,
      },
      download,
    ),
    endpoint(
      {
        ...authed,
        path: '/_matrix/client/v1/media/download/{serverName}/{mediaId}/{fileName}',
        spec: `${spec}get_matrixclientv1mediadownloadservernamemediaidfilename`,
      },
      download,
    ),
    endpoint(
      {
        ...legacy,
        path: '/_matrix/media/v3/download/{serverName}/{mediaId}',
        spec: `${spec}get_matrixmediav3downloadservernamemediaid`,
      },
      legacyDownload,
    ),
    endpoint(
      {
        ...legacy,
        path: '/_matrix/media/v3/download/{serverName}/{mediaId}/{fileName}',
        spec: `${spec}get_matrixmediav3downloadservernamemediaidfilename`,
      },
      legacyDownload,
    ),
  ]
}

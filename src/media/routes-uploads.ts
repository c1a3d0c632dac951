import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint, type RequestBase } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { isServerName } from '../matrix/ids.ts'
import { formatMxc } from '../matrix/mxc.ts'
import { readContentType } from './content-type.ts'
import type { Declaration } from './delivery/declarations.ts'
import { contentKinds } from './delivery/policy.ts'
import { readFileName } from './disposition.ts'
import type { IncomingFile } from './uploads.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const query = z.object({
  filename: z.string().optional(),
  // Ours: for which room a file is, and as what. In encrypted rooms nobody but the sender can say so.
  room_id: z.string().optional(),
  kind: z.enum(contentKinds).optional(),
  // Ours: remove metadata, or refuse the file.
  strip_metadata: z.boolean().default(false),
})

type UploadQuery = z.output<typeof query>

function declaration({ room_id: roomId, kind }: UploadQuery): Declaration | undefined {
  return roomId === undefined ? undefined : { roomId, kind: kind ?? 'file' }
}

function incomingFile(request: RequestBase, query: UploadQuery): IncomingFile {
  const length = request.headers['content-length']
  return {
    contentType: readContentType(request.headers['content-type']),
    fileName: readFileName(query.filename),
    announcedSize: length === undefined ? undefined : Number(length),
    stripMetadata: query.strip_metadata,
    signal: request.signal,
    open: () => request.pieces(),
  }
}

/** How files come in. */
export function uploadRoutes({ media, config }: Pick<AppContext, 'media' | 'config'>): Endpoint[] {
  const maxBody = config.media.max_upload
  return [
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/media/v3/upload',
        auth: 'user',
        limit: 'upload',
        maxBody,
        query,
        spec: `${spec}post_matrixmediav3upload`,
      },
      async (request) => {
        const file = incomingFile(request, request.query)
        const declared = declaration(request.query)
        return { content_uri: formatMxc(await media.uploads.upload(request.requester.userId, file, declared)) }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/media/v1/create',
        auth: 'user',
        limit: 'upload',
        spec: `${spec}post_matrixmediav1create`,
      },
      async ({ requester }) => {
        const { ref, expiresTs } = await media.uploads.create(requester.userId)
        return { content_uri: formatMxc(ref), unused_expires_at: expiresTs }
      },
    ),
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/media/v3/upload/{serverName}/{mediaId}',
        auth: 'user',
        limit: 'upload',
        maxBody,
        query,
        spec: `${spec}put_matrixmediav3uploadservernamemediaid`,
      },
      async (request) => {
        const { serverName: origin, mediaId } = request.params
        if (!isServerName(origin)) throw errors.notFound('There is no such id to upload to')
        const file = incomingFile(request, request.query)
        const declared = declaration(request.query)
        await media.uploads.fill(request.requester.userId, { origin, mediaId }, file, declared)
        return {}
      },
    ),
  ]
}

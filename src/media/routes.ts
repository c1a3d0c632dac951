import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { mediaInfoRoutes } from './inspection/routes-info.ts'
import { downloadRoutes } from './routes-downloads.ts'
import { previewRoutes } from './routes-previews.ts'
import { thumbnailRoutes } from './routes-thumbnails.ts'
import { uploadRoutes } from './routes-uploads.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'

/** The content repository. */
export function mediaRoutes(ctx: Pick<AppContext, 'media' | 'config'>): Endpoint[] {
  const { max_upload: maxUpload } = ctx.config.media
  const config = () => ({ 'm.upload.size': maxUpload })
  return [
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/media/config',
        auth: 'user',
        limit: 'general',
        spec: `${spec}get_matrixclientv1mediaconfig`,
      },
      config,
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/media/v3/config',
        auth: 'user',
        limit: 'general',
        spec: `${spec}get_matrixmediav3config`,
      },
      config,
    ),
    ...uploadRoutes(ctx),
    ...downloadRoutes(ctx),
    ...thumbnailRoutes(ctx),
    ...previewRoutes(ctx),
    ...mediaInfoRoutes(ctx),
  ]
}

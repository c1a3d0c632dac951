import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, type EndpointRequest, endpoint, type Requester } from '../http/endpoint.ts'

const spec = 'https://spec.matrix.org/v1.19/client-server-api/#'
const query = z.object({ url: z.string(), ts: z.int().optional() })

/** What is on web pages. The old path asks for an access token, too, and therefore stays open. */
export function previewRoutes({ media }: Pick<AppContext, 'media'>): Endpoint[] {
  const options = { method: 'GET', auth: 'user', limit: 'lookup', query } as const
  const preview = ({ query: { url, ts } }: EndpointRequest<unknown, z.output<typeof query>, undefined, Requester>) =>
    media.previews.get(url, ts)
  return [
    endpoint(
      {
        ...options,
        path: '/_matrix/client/v1/media/preview_url',
        spec: `${spec}get_matrixclientv1mediapreview_url`,
      },
      preview,
    ),
    endpoint(
      { ...options, path: '/_matrix/media/v3/preview_url', spec: `${spec}get_matrixmediav3preview_url` },
      preview,
    ),
  ]
}

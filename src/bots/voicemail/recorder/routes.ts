import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { deadLinkPage, recorderPage } from './page.ts'
import { noteKinds } from './types.ts'

const longestCaption = 1000
const query = z.object({
  kind: z.enum(noteKinds).optional(),
  caption: z.string().trim().max(longestCaption).optional(),
})

/** The recorder: whoever has the link may leave one note, and needs no other credentials. */
export function recorderRoutes({ recorder, config }: Pick<AppContext, 'recorder' | 'config'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: '/voicemail/r/{token}', auth: 'none', limit: 'general', surface: 'pages' },
      async ({ params }) => {
        const view = await recorder.look(params.token)
        return view ? recorderPage(view) : deadLinkPage()
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_ringback/v1/recorder/{token}',
        auth: 'none',
        limit: 'upload',
        surface: 'pages',
        query,
        maxBody: config.media.max_upload,
      },
      async (request) => {
        const { kind, caption } = request.query
        const receipt = await recorder.receive(request.params.token, {
          kind,
          caption: caption === '' ? undefined : caption,
          announcedSize: request.headers['content-length'],
          signal: request.signal,
          open: () => request.pieces(),
        })
        return { event_id: receipt.eventId, room_id: receipt.roomId, duration_ms: receipt.durationMs }
      },
    ),
  ]
}

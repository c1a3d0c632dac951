import { z } from 'zod'
import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'

const query = z.object({
  limit: z.coerce.number().int().min(1).max(100).catch(50),
  /** As `next` said it. */
  from: z.coerce.number().int().min(1).optional(),
})

/** Notes that somebody left or was left; see docs/voicemail.md. */
export function voicemailRoutes({ voicemail }: Pick<AppContext, 'voicemail'>): Endpoint[] {
  return [
    endpoint(
      { method: 'GET', path: '/_ringback/v1/notes', auth: 'user', limit: 'general', surface: 'client', query },
      async ({ requester, query: { limit, from: before } }) => {
        const { notes, next } = await voicemail.notes.list(requester.userId, { limit, before })
        return { notes, ...(next !== undefined && { next: String(next) }) }
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_ringback/v1/notes/{noteId}/played',
        auth: 'user',
        limit: 'general',
        surface: 'client',
      },
      async ({ requester, params }) => {
        await voicemail.notes.played(requester.userId, params.noteId)
        return {}
      },
    ),
    ...(['PUT', 'DELETE'] as const).map((method) =>
      endpoint(
        { method, path: '/_ringback/v1/notes/{noteId}/keep', auth: 'user', limit: 'general', surface: 'client' },
        async ({ requester, params }) => {
          const { expiresTs } = await voicemail.keep(requester.userId, params.noteId, method === 'PUT')
          return { ...(expiresTs !== undefined && { expires_ts: expiresTs }) }
        },
      ),
    ),
  ]
}

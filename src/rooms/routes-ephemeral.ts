import { z } from 'zod'
import type { AppContext } from '../context.ts'
import { type Endpoint, endpoint } from '../http/endpoint.ts'
import { errors } from '../matrix/errors.ts'
import { text } from './route-parts.ts'

const link = (anchor: string) => `https://spec.matrix.org/v1.19/client-server-api/#${anchor}`
const defaultTypingTimeout = 30_000

function threadIdOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && value !== '') return value
  throw errors.invalidParam('thread_id must be a non-empty string')
}

/** Typing notices, read receipts and the read marker. */
export function ephemeralRoutes({ rooms }: Pick<AppContext, 'rooms'>): Endpoint[] {
  const { typing, receipts, readMarkers } = rooms
  return [
    endpoint(
      {
        method: 'PUT',
        path: '/_matrix/client/v3/rooms/{roomId}/typing/{userId}',
        auth: 'user',
        limit: 'general',
        body: z.object({ typing: z.boolean(), timeout: z.number().int().min(0).nullish() }),
        spec: link('put_matrixclientv3roomsroomidtypinguserid'),
      },
      async ({ params, body, requester }) => {
        if (params.userId !== requester.userId) throw errors.forbidden('Users say only of themselves that they type')
        const timeout = body.typing ? (body.timeout ?? defaultTypingTimeout) : undefined
        await typing.set(requester, params.roomId, timeout)
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/receipt/{receiptType}/{eventId}',
        auth: 'user',
        limit: 'general',
        body: z.object({ thread_id: z.unknown().optional() }),
        spec: link('post_matrixclientv3roomsroomidreceiptreceipttypeeventid'),
      },
      async ({ params, body, requester }) => {
        const { roomId, receiptType: type, eventId } = params
        const threadId = threadIdOf(body.thread_id)
        if (type === 'm.read' || type === 'm.read.private') {
          await receipts.set(requester, roomId, [{ type, eventId, threadId }])
        } else if (type !== 'm.fully_read') {
          throw errors.invalidParam('The receipt type is not known')
        } else if (threadId !== undefined) {
          throw errors.invalidParam('The read marker belongs to no thread')
        } else {
          await readMarkers.set(requester, roomId, { fullyRead: eventId })
        }
        return {}
      },
    ),
    endpoint(
      {
        method: 'POST',
        path: '/_matrix/client/v3/rooms/{roomId}/read_markers',
        auth: 'user',
        limit: 'general',
        body: z.object({ 'm.fully_read': text, 'm.read': text, 'm.read.private': text }),
        spec: link('post_matrixclientv3roomsroomidread_markers'),
      },
      async ({ params, body, requester }) => {
        await readMarkers.set(requester, params.roomId, {
          fullyRead: body['m.fully_read'] ?? undefined,
          read: body['m.read'] ?? undefined,
          readPrivate: body['m.read.private'] ?? undefined,
        })
        return {}
      },
    ),
  ]
}

import { z } from 'zod'
import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import { reply } from '../../../http/reply.ts'
import { isoTime } from '../../../util/clock.ts'
import type { ArchiveFilter } from './archive.ts'

const path = '/_ringback/admin/v1/voicemail/export'
const query = z.object({
  user_id: z.string().optional(),
  room_id: z.string().optional(),
  since_ts: z.int().min(0).optional(),
  until_ts: z.int().min(0).optional(),
})

const filterOf = (wanted: z.output<typeof query>): ArchiveFilter => ({
  userId: wanted.user_id,
  roomId: wanted.room_id,
  fromTs: wanted.since_ts,
  toTs: wanted.until_ts,
})

/** What administrators keep or hand over of notes. */
export function archiveRoutes({ noteArchive, clock }: Pick<AppContext, 'noteArchive' | 'clock'>): Endpoint[] {
  return [
    endpoint({ method: 'GET', path, auth: 'admin', query }, ({ query: wanted, signal }) => {
      const day = isoTime(clock.now()).slice(0, 10)
      return reply(200, noteArchive.export(filterOf(wanted), signal), {
        'Content-Type': 'application/zip',
        'Content-Disposition': `attachment; filename="notes-${day}.zip"`,
        'Cache-Control': 'no-store',
      })
    }),
  ]
}

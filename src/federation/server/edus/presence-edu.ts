import { z } from 'zod'
import type { Database, Reader } from '../../../db/database.ts'
import type { Presence } from '../../../rooms/presence/presence.ts'
import type { EduHandler } from './edus.ts'
import { parseEdu, requireUserOf, userId } from './parse-edu.ts'

const update = z.object({
  user_id: userId,
  presence: z.enum(['online', 'unavailable', 'offline']),
  status_msg: z.string().max(1000).nullish().catch(undefined),
  last_active_ago: z.number().min(0).optional().catch(undefined),
  currently_active: z.boolean().default(false).catch(false),
})
const schema = z.object({ push: z.array(z.json()).max(1000) })

interface Deps {
  readonly db: Database
  readonly presence: Pick<Presence, 'receive'>
  /** Whether somebody here is in a room with the user. */
  sharesRoom(reader: Reader, userId: string): Promise<boolean>
}

/** https://spec.matrix.org/v1.19/server-server-api/#presence */
export function createPresenceEdu({ db, presence, sharesRoom }: Deps): EduHandler {
  return async (origin, content) => {
    for (const one of parseEdu(schema, content).push) {
      const parsed = update.safeParse(one)
      if (!parsed.success) continue
      const { user_id: user, presence: state, status_msg: statusMsg, last_active_ago: activeAgo } = parsed.data
      const isActive = parsed.data.currently_active
      requireUserOf(origin, user)
      if (!(await db.read((reader) => sharesRoom(reader, user)))) continue
      presence.receive(user, { state, statusMsg: statusMsg ?? undefined, activeAgo, isActive })
    }
  }
}

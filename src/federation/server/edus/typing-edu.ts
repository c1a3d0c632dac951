import { z } from 'zod'
import type { Database } from '../../../db/database.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { EduHandler } from './edus.ts'
import { parseEdu, requireUserOf, roomId, userId } from './parse-edu.ts'
import { requirePresent } from './require-present.ts'

const schema = z.object({ room_id: roomId, user_id: userId, typing: z.boolean() })
/** Servers repeat it earlier for who types on. */
const timeoutMs = 60_000

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'reads' | 'history' | 'typing'>
}

/** https://spec.matrix.org/v1.19/server-server-api/#typing-notifications */
export function createTypingEdu({ db, rooms }: Deps): EduHandler {
  return async (origin, content) => {
    const edu = parseEdu(schema, content)
    requireUserOf(origin, edu.user_id)
    await db.read((reader) => requirePresent(rooms, reader, edu.room_id, edu.user_id))
    if (edu.typing) rooms.typing.start(edu.room_id, edu.user_id, timeoutMs)
    else rooms.typing.stop(edu.room_id, edu.user_id)
  }
}

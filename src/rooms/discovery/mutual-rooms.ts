import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { hasRoomIdShape, hasUserIdShape, type UserId } from '../../matrix/ids.ts'
import { countMutualRooms, listMutualRooms } from './store-discovery.ts'

export interface MutualRoomsPage {
  joined: string[]
  count: number
  next_batch?: string
}

/**
 * The rooms that two users are both joined to, in pages. Throws `400` for a malformed id, the user's own, and a token that
 * is none. https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1mutual_rooms
 */
export type GetMutualRooms = (userId: UserId, other: string, from: string | undefined) => Promise<MutualRoomsPage>

const pageSize = 40

/** Tokens name the last room of the page before. */
function readToken(token: string | undefined): string {
  if (token === undefined) return ''
  const roomId = Buffer.from(token, 'base64url').toString()
  if (!hasRoomIdShape(roomId)) throw errors.invalidParam('from is not one of our pagination tokens')
  return roomId
}

export function createMutualRooms({ db }: { readonly db: Database }): GetMutualRooms {
  return async (userId, other, from) => {
    if (!hasUserIdShape(other)) throw errors.invalidParam('user_id is not a user id')
    if (other === userId) throw errors.invalidParam('user_id is your own')
    const after = readToken(from)
    return db.read(async (reader) => {
      const rooms = await listMutualRooms(reader, { userId, other, after, limit: pageSize + 1 })
      const joined = rooms.slice(0, pageSize)
      const last = joined.at(-1)
      const hasMore = rooms.length > pageSize && last !== undefined
      return {
        joined,
        count: await countMutualRooms(reader, userId, other),
        ...(hasMore ? { next_batch: Buffer.from(last).toString('base64url') } : {}),
      }
    })
  }
}

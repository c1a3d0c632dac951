import type { Database } from '../../db/database.ts'
import type { RemoteSummary } from '../../federation/client/requests-queries.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../reads.ts'
import { listLocalJoined } from '../store-members.ts'
import { outlookOf } from './outlook.ts'
import type { RemoteRooms } from './remote-rooms.ts'
import { type RoomSummary, summaryOf } from './room-summary.ts'
import { listChildren, sortRemoteChildren, toChildState } from './space-children.ts'

/** A room of a tree with its valid children, in their order. */
export type Place = (RoomSummary | RemoteSummary) & { children_state: JsonObject[] }

/** The room as a user may see it; undefined for one that is unknown or not for the user. */
export type FindPlace = (
  roomId: string,
  via: readonly string[],
  options: { readonly userId: UserId; readonly suggestedOnly: boolean },
) => Promise<Place | undefined>

interface Deps {
  readonly db: Database
  readonly reads: RoomReads
  readonly remote: RemoteRooms | undefined
}

export function createPlaces({ db, reads, remote }: Deps): FindPlace {
  const { view } = reads

  /** What we have of the room ourselves; it is old where nobody here is in it any more. */
  const findHere = (roomId: string, userId: UserId, suggestedOnly: boolean) =>
    db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      if (room?.stateNid === undefined) return undefined
      const isCurrent = (await listLocalJoined(reader, room.nid)).length > 0
      if (!(await outlookOf(reader, view, room, userId)).mayPreview) return { isCurrent, place: undefined }
      const children = await listChildren(reader, reads, room, suggestedOnly)
      const place = { ...(await summaryOf(reader, view, room)), children_state: children.map(toChildState) }
      return { isCurrent, place }
    })

  return async (roomId, via, { userId, suggestedOnly }) => {
    const here = await findHere(roomId, userId, suggestedOnly)
    if (here?.isCurrent || remote === undefined) return here?.place
    const found = await remote.find(roomId, via, { suggestedOnly })
    if (found === undefined) return here?.place
    if (!(await remote.mayPreview(found.summary, userId))) return undefined
    const children = found.summary.room_type === 'm.space' ? (found.childrenState ?? []) : []
    return { ...found.summary, children_state: sortRemoteChildren(children, suggestedOnly) }
  }
}

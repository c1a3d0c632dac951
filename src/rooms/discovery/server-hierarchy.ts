import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { createYielder } from '../../util/async.ts'
import type { RoomReads } from '../reads.ts'
import { mayServerPreview } from './outlook.ts'
import { type RoomSummary, summaryOf } from './room-summary.ts'
import { listChildren, toChildState } from './space-children.ts'

/** A space and those of its children that we know, for another server to filter for its users. */
export interface ServerHierarchy {
  room: RoomSummary & { children_state: JsonObject[] }
  children: RoomSummary[]
  inaccessible_children: string[]
}

/** Throws `404` for a room that is unknown or none of that server's business. https://spec.matrix.org/v1.19/server-server-api/#get_matrixfederationv1hierarchyroomid */
export type GetServerHierarchy = (
  server: ServerName,
  roomId: string,
  suggestedOnly: boolean,
) => Promise<ServerHierarchy>

const mostChildren = 1_000

interface Deps {
  readonly db: Database
  readonly reads: RoomReads
}

export function createServerHierarchy({ db, reads }: Deps): GetServerHierarchy {
  return (server, roomId, suggestedOnly) =>
    db.read(async (reader) => {
      const room = await reads.roomById(reader, roomId)
      const isKnown = room?.stateNid !== undefined && (await mayServerPreview(reader, reads.view, room, server))
      if (room === undefined || !isKnown) throw errors.notFound('There is no such room, or you may not see it')
      const state = (await listChildren(reader, reads, room, suggestedOnly)).slice(0, mostChildren)
      const children: RoomSummary[] = []
      const inaccessible: string[] = []
      const pause = createYielder()
      for (const { pdu } of state) {
        await pause()
        const child = await reads.roomById(reader, pdu.state_key ?? '')
        if (child?.stateNid === undefined) continue
        if (await mayServerPreview(reader, reads.view, child, server)) {
          children.push(await summaryOf(reader, reads.view, child))
        } else inaccessible.push(child.roomId)
      }
      return {
        room: { ...(await summaryOf(reader, reads.view, room)), children_state: state.map(toChildState) },
        children,
        inaccessible_children: inaccessible,
      }
    })
}

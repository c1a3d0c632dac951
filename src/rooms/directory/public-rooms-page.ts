import type { JsonObject } from '../../matrix/event.ts'
import type { DirectoryScope } from './network-rooms.ts'
import type { RoomCard } from './room-card.ts'

export interface PublicRoomsRequest {
  readonly limit?: number | undefined
  readonly since?: string | undefined
  readonly search?: string | undefined
  /** Types to list; null stands for rooms without one. Undefined: all. */
  readonly roomTypes?: readonly (string | null)[] | undefined
  readonly server?: string | undefined
  /** Default: the rooms that this server's users publish. */
  readonly scope?: DirectoryScope | undefined
}

export interface PublicRoomsPage {
  /** Cards, ours or as another server wrote them. */
  chunk: (RoomCard | JsonObject)[]
  next_batch?: string
  prev_batch?: string
  total_room_count_estimate: number
}

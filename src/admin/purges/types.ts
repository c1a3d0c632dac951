import type { PurgeStatus } from '../../db/schema/purges.ts'

export interface HistoryRequest {
  /** The position from which on everything stays. */
  readonly before: number
  /** Whether what users of this server sent goes, too. */
  readonly withLocal: boolean
}

/** Stands in the database as JSON. */
export interface RoomRequest {
  /** Who makes a room for those who were in this one, and says why they are there; undefined: they are only moved out. */
  readonly newRoomUser?: string | undefined
  readonly roomName?: string | undefined
  readonly message?: string | undefined
  readonly purge: boolean
  /** Whether it is removed even with users in it who could not be moved out. */
  readonly force: boolean
}

/** What became of those who were in a room. */
export interface Shutdown {
  /** Everybody who was there when it began. */
  readonly found: readonly string[]
  readonly kickedUsers: readonly string[]
  readonly failedUsers: readonly string[]
  /** The aliases that lead to the new room now. */
  readonly localAliases: readonly string[]
  readonly newRoomId: string | undefined
}

export interface PurgeState {
  readonly purgeId: string
  readonly status: PurgeStatus
  readonly error: string | undefined
  readonly shutdown: Shutdown | undefined
}

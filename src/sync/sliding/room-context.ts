import type { Reader } from '../../db/database.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Audience } from '../../rooms/client-event.ts'
import type { Room } from '../../rooms/types.ts'
import type { SentMembers } from '../lazy-members.ts'
import type { SyncPorts } from '../ports.ts'
import type { ConnectionDraft, SentRoom } from './connection.ts'
import type { Personal } from './personal.ts'
import type { StateSelector } from './required-state.ts'
import type { WantedRoom } from './windows.ts'

/** What all rooms of one answer share. */
export interface AnswerContext {
  readonly ports: SyncPorts
  readonly reader: Reader
  readonly userId: UserId
  readonly audience: Audience
  readonly personal: Personal
  readonly draft: ConnectionDraft
  readonly members: { readonly sent: SentMembers; readonly name: string }
  /** The position from which on this look goes; undefined for a connection that begins. */
  readonly since: number | undefined
  /** The position that the client has named: what it has received for certain. */
  readonly acknowledged: number | undefined
  readonly to: number
}

export interface RoomInput {
  readonly room: Room
  readonly wanted: WantedRoom
  readonly sent: SentRoom | undefined
  /** From where on the client lacks what has happened; undefined: it knows nothing of the room. */
  readonly since: number | undefined
}

/** The state that the client asked for when it was last told of the room, as far as that is known. */
export const selectorBefore = ({ draft }: AnswerContext, sent: SentRoom | undefined): StateSelector | undefined =>
  sent && draft.settings.selectors.get(sent.config)

import type { StateSelector } from './required-state.ts'
import type { RoomConfig } from './types.ts'

/** What a connection has been sent of a room. */
export interface SentRoom {
  /** The client has everything up to here; undefined: up to the position with which it asks. */
  readonly sentPos: number | undefined
  /** The client has this many of the latest events without a gap. */
  readonly timelineLimit: number
  /** Digest of the state that was asked for. */
  readonly config: string
  readonly isDm: boolean
}

/** What a connection remembers besides its rooms. */
export interface Settings {
  /** By room id, those first that were made first. */
  readonly subscriptions: ReadonlyMap<string, RoomConfig>
  /** Which state the digests of rooms stand for; one that is missing stands for none. */
  readonly selectors: ReadonlyMap<string, StateSelector>
  /** For which rooms each extension was asked for, as text. */
  readonly scopes: Readonly<Record<string, string>>
}

/** The state of a connection after one of its answers; never changed. */
export interface ConnectionState {
  readonly rooms: ReadonlyMap<number, SentRoom>
  readonly settings: Settings
}

export const emptyState: ConnectionState = {
  rooms: new Map(),
  settings: { subscriptions: new Map(), selectors: new Map(), scopes: {} },
}

/** The state that an answer in the making would leave behind. */
export interface ConnectionDraft {
  readonly base: ConnectionState
  readonly changedRooms: ReadonlyMap<number, SentRoom>
  readonly hasChanges: boolean
  settings: Settings
  sent(roomNid: number): SentRoom | undefined
  mark(roomNid: number, room: Omit<SentRoom, 'config'>, state: StateSelector): void
  /** Says that the client lacks what came after `pos`, where it has been sent the room. */
  fallBehind(roomNid: number, pos: number): void
  finish(): ConnectionState
}

export function draftOf(base: ConnectionState): ConnectionDraft {
  const changes = new Map<number, SentRoom>()
  const selectors = new Map<string, StateSelector>()
  const sent = (nid: number) => changes.get(nid) ?? base.rooms.get(nid)
  return {
    base,
    changedRooms: changes,
    get hasChanges() {
      return changes.size > 0 || this.settings !== base.settings
    },
    settings: base.settings,
    sent,
    mark: (nid, room, state) => {
      const marked = { ...room, config: state.digest }
      if (isSame(sent(nid), marked)) return
      changes.set(nid, marked)
      selectors.set(state.digest, state)
    },
    fallBehind: (nid, pos) => {
      const room = sent(nid)
      if (room !== undefined && room.sentPos === undefined) changes.set(nid, { ...room, sentPos: pos })
    },
    finish() {
      const rooms = changes.size === 0 ? base.rooms : new Map([...base.rooms, ...changes])
      const known = new Map([...this.settings.selectors, ...selectors])
      return { rooms, settings: { ...this.settings, selectors: known } }
    },
  }
}

const isSame = (a: SentRoom | undefined, b: SentRoom): boolean =>
  a !== undefined &&
  a.sentPos === b.sentPos &&
  a.timelineLimit === b.timelineLimit &&
  a.config === b.config &&
  a.isDm === b.isDm

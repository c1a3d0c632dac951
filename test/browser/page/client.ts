import {
  ClientEvent,
  createClient,
  type MatrixClient,
  type MatrixEvent,
  RoomEvent,
  RoomStateEvent,
  SyncState,
} from 'matrix-js-sdk'
import type { ChatApi } from '../page-api.ts'

let current: MatrixClient | undefined

export function client(): MatrixClient {
  if (!current) throw new Error('nobody is logged in in this page')
  return current
}

const starters: ((client: MatrixClient) => void)[] = []

/** Runs for each client before its first sync. */
export function onStart(start: (client: MatrixClient) => void): void {
  starters.push(start)
}

/** Resolves with what `find` gives as soon as it gives something; it is asked whenever the client hears of something. */
export async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find()
    if (found !== undefined) return found
    await new Promise<void>((resolve) => {
      const heard = () => {
        for (const event of events) client().off(event, heard)
        resolve()
      }
      for (const event of events) client().on(event, heard)
    })
  }
}

const events = [
  ClientEvent.Sync,
  RoomEvent.Timeline,
  RoomStateEvent.Events,
  RoomEvent.AccountData,
  RoomEvent.MyMembership,
] as const

function* timelines(roomId: string | undefined): Generator<MatrixEvent> {
  for (const room of client().getRooms()) {
    if (roomId === undefined || room.roomId === roomId) yield* room.getLiveTimeline().getEvents()
  }
}

export const chat: ChatApi = {
  start: async ({ baseUrl, userId, deviceId, accessToken }) => {
    const started = createClient({ baseUrl, userId, deviceId, accessToken })
    current = started
    for (const start of starters) start(started)
    const prepared = new Promise<void>((resolve) =>
      started.on(ClientEvent.Sync, (state) => state === SyncState.Prepared && resolve()),
    )
    await started.startClient({ initialSyncLimit: 20 })
    await prepared
  },
  knows: async (roomId, members) => {
    await until(() => client().getRoom(roomId)?.getJoinedMemberCount() === members || undefined)
  },
  message: async (roomId, like, known = []) =>
    until(() => {
      for (const event of timelines(roomId)) {
        const content = event.getContent()
        const eventId = event.getId() ?? ''
        if (event.getType() !== 'm.room.message' || event.isRelation('m.replace') || known.includes(eventId)) continue
        if (event.getSender() !== like.sender || content.msgtype !== like.msgtype) continue
        if (like.body !== undefined && !String(content.body).includes(like.body)) continue
        return { roomId: event.getRoomId() ?? '', eventId, content }
      }
      return undefined
    }),
  marked: async (roomId, unread) => {
    const isMarked = () => client().getRoom(roomId)?.getAccountData('m.marked_unread')?.getContent().unread === true
    await until(() => isMarked() === unread || undefined)
  },
}

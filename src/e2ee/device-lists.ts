import type { Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import {
  filterInvitedOrInviting,
  filterSharingRoom,
  listInvitedRoomIds,
  listJoinedRoomIds,
  listSharingChanges,
} from '../rooms/sharing.ts'
import { listDeviceListChanges, upsertDeviceListChange } from './store-device-lists.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#extensions-to-sync-1 */
export interface DeviceListUpdates {
  /** Users whose keys the client should ask for again. */
  readonly changed: string[]
  /** Users who share no room with the client's user any more. */
  readonly left: string[]
}

/** Records that a user's keys or devices changed and wakes whoever shares a room with the user, or will. Takes a stream position and returns it. */
export async function markChanged(deps: { streams: Streams }, tx: Tx, userId: string): Promise<number> {
  const rooms = [...(await listJoinedRoomIds(tx, userId)), ...(await listInvitedRoomIds(tx, userId))]
  const position = await deps.streams.allocate(tx, 1)
  await upsertDeviceListChange(tx, { userId, observer: '', position })
  deps.streams.notify(tx, { rooms, users: [userId] })
  return position
}

/** Records a change of some users' keys that only `observer` can see. Takes a stream position. */
export async function markChangedFor(
  deps: { streams: Streams },
  tx: Tx,
  observer: string,
  userIds: Iterable<string>,
): Promise<void> {
  const position = await deps.streams.allocate(tx, 1)
  for (const userId of userIds) await upsertDeviceListChange(tx, { userId, observer, position })
  deps.streams.notify(tx, { users: [observer] })
}

/** What became of device lists after stream position `since`. */
export async function listDeviceLists(reader: Reader, userId: string, since: number): Promise<DeviceListUpdates> {
  const keys = await listDeviceListChanges(reader, userId, since)
  const { met, parted } = await listSharingChanges(reader, userId, since)
  const changed = new Set(met)
  const unsure = new Set(parted)
  for (const change of keys) {
    if (change.isPrivate || change.userId === userId) changed.add(change.userId)
    else unsure.add(change.userId)
  }
  const sharing = unsure.size > 0 ? await filterSharingRoom(reader, userId, unsure) : unsure
  const strangers = keys.flatMap((change) => (sharing.has(change.userId) ? [] : [change.userId]))
  const invited = strangers.length > 0 ? await filterInvitedOrInviting(reader, userId, strangers) : sharing
  for (const { userId: other } of keys) if (sharing.has(other) || invited.has(other)) changed.add(other)
  const left = [...parted].filter((other) => !sharing.has(other) && !met.has(other))
  return { changed: [...changed], left }
}

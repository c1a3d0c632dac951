import type { Reader, Tx } from '../../../db/database.ts'
import { nestedObject } from '../../../e2ee/nested.ts'
import type { E2eeHook, RemoteToDevice } from '../../../e2ee/ports.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { hasUserIdShape, serverOf } from '../../../matrix/ids.ts'
import { filterInvitedOrInviting } from '../../../rooms/sharing.ts'
import type { Log } from '../../../util/log.ts'
import { randomToken } from '../../../util/random.ts'
import { isTogether } from '../rooms/store-room-servers.ts'
import { breakOffStreams, type DeviceChange, insertMessage, queueDeviceChange } from './store-outgoing-devices.ts'

/** An EDU should not have more bytes. */
const maxEduBytes = 60_000

type Contents = ReadonlyMap<string, JsonObject>

/** Queues for other servers what happens to our users' devices, and what these send to devices elsewhere. */
export function createE2eeHook({ log, wake }: { log: Log; wake(destinations: Iterable<string>): void }): E2eeHook {
  async function queueChange(tx: Tx, change: DeviceChange): Promise<void> {
    const servers = await queueDeviceChange(tx, change)
    await breakOffStreams(tx, change.userId)
    if (servers.length > 0) tx.afterCommit(() => wake(servers))
  }

  return {
    deviceChanged: (tx, { userId, deviceId, position }) => queueChange(tx, { userId, deviceId, position }),
    crossSigningChanged: (tx, { userId, position }) => queueChange(tx, { userId, deviceId: '', position }),
    remoteToDevice: async (tx, message) => {
      const byServer = Map.groupBy(message.messages, ([userId]) => (hasUserIdShape(userId) ? serverOf(userId) : ''))
      const servers: string[] = []
      for (const [server, users] of byServer) {
        const known = await filterKnown(tx, message.sender, server, users)
        if (known.length < users.length) log.debug({ server }, 'a message goes to devices of nobody who is met here')
        for (const content of split(message, known)) await insertMessage(tx, server, JSON.stringify(content))
        if (known.length > 0) servers.push(server)
      }
      tx.afterCommit(() => wake(servers))
    },
  }
}

/** Servers with which no room is shared are not written to. Somebody who is invited may be given keys beforehand. */
async function filterKnown<T>(
  reader: Reader,
  sender: string,
  server: string,
  users: readonly (readonly [string, T])[],
): Promise<(readonly [string, T])[]> {
  if (await isTogether(reader, sender, server)) return [...users]
  const invited = await filterInvitedOrInviting(
    reader,
    sender,
    users.map(([userId]) => userId),
  )
  return users.filter(([userId]) => invited.has(userId))
}

/** The contents of `m.direct_to_device`, as few as hold the messages. */
function split({ sender, type }: RemoteToDevice, users: readonly (readonly [string, Contents])[]): JsonObject[] {
  const parts: Map<string, Map<string, JsonObject>>[] = []
  let bytes = Number.POSITIVE_INFINITY
  for (const [userId, devices] of users) {
    for (const [deviceId, content] of devices) {
      bytes += JSON.stringify(content).length + userId.length + deviceId.length
      if (bytes > maxEduBytes) {
        parts.push(new Map())
        bytes = JSON.stringify(content).length
      }
      const part = parts.at(-1)
      part?.set(userId, (part.get(userId) ?? new Map<string, JsonObject>()).set(deviceId, content))
    }
  }
  return parts.map((part) => ({ sender, type, message_id: randomToken(24), messages: nestedObject(part) }))
}

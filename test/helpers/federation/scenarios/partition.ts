import { send, setState } from '../../rooms.ts'
import { untilSameState } from '../network.ts'
import { openRoom, type Side, untilSaid } from './side.ts'

/** Both sides go on while they don't reach each other; afterwards they agree. */
export async function partition(
  host: Side,
  guest: Side,
  version: string,
  network: { cut(): void; heal(): void },
): Promise<void> {
  const levels = { state_default: 0, events: {} }
  const { roomId, hostView, guestView } = await openRoom(host, guest, version, { power_level_content_override: levels })
  await untilSameState(roomId, [host.user, guest.user])
  network.cut()
  try {
    await setState(host.user, roomId, 'm.room.topic', { topic: 'host' })
    await setState(guest.user, roomId, 'm.room.topic', { topic: 'guest' })
    await setState(guest.user, roomId, 'm.room.name', { name: 'guest' })
    for (let i = 0; i < 15; i++) {
      await send(host.user, roomId, `host alone ${i}`)
      await send(guest.user, roomId, `guest alone ${i}`)
    }
  } finally {
    network.heal()
  }
  await send(host.user, roomId, 'host is back')
  await send(guest.user, roomId, 'guest is back')
  await untilSaid(hostView, roomId, 'guest is back')
  await untilSaid(guestView, roomId, 'host is back')
  await untilSaid(hostView, roomId, 'guest alone 3')
  await untilSaid(guestView, roomId, 'host alone 3')
  await untilSameState(roomId, [host.user, guest.user])
}

import type { UserId } from '../../matrix/ids.ts'
import type { RoomReads } from '../../rooms/reads.ts'
import type { PersistHook } from '../../rooms/types.ts'
import { queueBotEvent } from './store-bot-events.ts'

interface Deps {
  readonly reads: Pick<RoomReads, 'membership'>
  bots(): Iterable<{ readonly name: string; readonly userId: UserId }>
  /** Called after the commit for each room with news for a bot. */
  wake(bot: string, roomNid: number): void
}

/** What bots hear of; of members only what is about themselves. */
const heard: ReadonlySet<string> = new Set(['m.room.message', 'm.reaction', 'm.room.member'])

/** Queues new events for the bots in their rooms, in the transaction of the events. */
export function createBotQueue({ reads, bots, wake }: Deps): PersistHook {
  return async (tx, { room, events }) => {
    const news = events.filter(
      ({ pdu, status, streamPos }) => heard.has(pdu.type) && status === 0 && (streamPos ?? 0) > 0,
    )
    if (news.length === 0) return
    for (const { name, userId } of bots()) {
      const own = news.filter(({ pdu }) =>
        pdu.type === 'm.room.member' ? pdu.state_key === userId : pdu.sender !== userId,
      )
      if (own.length === 0) continue
      const isJoined = (await reads.membership(tx, room.nid, userId))?.membership === 'join'
      const concerning = isJoined ? own : own.filter(({ pdu }) => pdu.type === 'm.room.member')
      if (concerning.length === 0) continue
      for (const { nid, streamPos = 0 } of concerning) {
        await queueBotEvent(tx, { bot: name, position: streamPos, roomNid: room.nid, nid })
      }
      tx.afterCommit(() => wake(name, room.nid))
    }
  }
}

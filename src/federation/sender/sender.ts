import type { Database, Reader } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { E2ee } from '../../e2ee/e2ee.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { Media } from '../../media/media.ts'
import type { PresenceNews } from '../../rooms/presence/news.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import type { FederationTransport } from '../client/ports.ts'
import { createDestinations, type Destinations } from './destinations.ts'
import { createE2eeHook } from './devices/e2ee-hook.ts'
import { createOutgoingDevices } from './devices/outgoing-devices.ts'
import { createPendingEdus } from './ephemeral/pending-edus.ts'
import { createPresenceSender } from './ephemeral/presence-sender.ts'
import { createReceiptNews } from './ephemeral/receipt-news.ts'
import { createTypingNews } from './ephemeral/typing-news.ts'
import { handleMediaRedactions } from './media/media-redactions.ts'
import { createDeliver } from './queue/deliver.ts'
import { createOutbox } from './queue/persist-hook.ts'
import { createQueues } from './queue/queues.ts'
import { createStickyQueue, stickyJob } from './queue/sticky-queue.ts'
import { failingSince } from './queue/store-destinations.ts'
import { createTransactions, type TakenHook } from './queue/transactions.ts'
import { createSenderPurgeHook } from './rooms/purge-hook.ts'
import { createRoomServers } from './rooms/room-servers.ts'
import { isOwing } from './rooms/store-purge.ts'
import { isInRoom, isTogether } from './rooms/store-room-servers.ts'

/** Brings to other servers what concerns them: https://spec.matrix.org/v1.19/server-server-api/#transactions */
export interface FederationSender {
  /** A request of that server has come: it is there, whatever failed before. */
  heardFrom(server: ServerName): void
  /** Whether somebody here is in a room with a user. */
  sharesRoom(reader: Reader, userId: string): Promise<boolean>
  /** Whether a server is in a room with somebody here, and the room does not keep it out. */
  isInRoom(reader: Reader, roomNid: number, server: ServerName): Promise<boolean>
  /** Whether servers that can be reached have not taken all events of a room. */
  isOwing(reader: Reader, roomNid: number): Promise<boolean>
  /** Runs when a server has taken all events for it up to a position, in the transaction that notes it. */
  onTaken(hook: TakenHook): void
  /** Forgets what waits for servers that were not reached for very long. */
  sweep(): Promise<void>
  /** Resolves when everything has been sent, or waits for another try. */
  drain(): Promise<void>
  /** For administrators. */
  readonly destinations: Destinations
  readonly part: Part
}

export interface FederationSenderDeps {
  readonly serverName: ServerName
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  /** Off: nothing is queued and nothing sent. */
  readonly enabled: boolean
  readonly transport: FederationTransport
  readonly jobs: Pick<Jobs, 'enqueue' | 'handle'>
  readonly media: Pick<Media, 'delivery'>
  readonly rooms: Pick<Rooms, 'reads' | 'typing' | 'receipts' | 'localMembers' | 'onPersist' | 'purging'>
  readonly e2ee: Pick<E2ee, 'addHook' | 'queryLocalKeys'>
  /** Undefined: other servers are not told who is there. */
  readonly presence: PresenceNews | undefined
}

export function createFederationSender(deps: FederationSenderDeps): FederationSender {
  const { clock, transport, rooms, e2ee } = deps
  const { reads, typing, receipts } = rooms
  const { view } = reads
  const pending = createPendingEdus(clock.now)
  const takenHooks: TakenHook[] = []
  const taken: TakenHook = async (...news) => {
    for (const hook of takenHooks) await hook(...news)
  }
  const transactions = createTransactions({ ...deps, reads, devices: createOutgoingDevices({ e2ee }), pending, taken })
  const queues = createQueues({ ...deps, deliver: createDeliver({ ...deps, transactions, pending }) })
  const parts = { ...deps, pending, wake: queues.wake }
  const receiptNews = createReceiptNews(parts)
  handleMediaRedactions(parts)
  if (deps.enabled) deps.media.delivery.useOutages(failingSince)
  const sticky = createStickyQueue({ ...parts, reads })
  deps.jobs.handle(stickyJob, sticky.again)
  if (deps.enabled) {
    rooms.onPersist(
      createOutbox({
        ...parts,
        view,
        servers: createRoomServers({ ...deps, view }),
        sticky,
      }),
    )
    e2ee.addHook(createE2eeHook(parts))
    receipts.onReceipt(receiptNews.hook)
  }
  rooms.purging.onPurge(createSenderPurgeHook(deps.db))
  const typingNews = createTypingNews({ ...parts, typing, reads })
  const presence = deps.presence && createPresenceSender({ ...parts, news: deps.presence })

  return {
    heardFrom: (server) => {
      transport.heardFrom(server)
      queues.heardFrom(server)
    },
    sharesRoom: (reader, userId) => isTogether(reader, userId, deps.serverName),
    isInRoom,
    isOwing,
    onTaken: (hook) => void takenHooks.push(hook),
    sweep: queues.sweep,
    drain: async () => {
      await typingNews.idle()
      await receiptNews.flush()
      await presence?.flush()
      await queues.drain()
    },
    destinations: createDestinations({ ...deps, reset: queues.reset }),
    part: {
      name: 'federation sender',
      start: () => {
        if (!deps.enabled) return
        queues.start()
        typingNews.start()
        presence?.start()
      },
      stop: async () => {
        await typingNews.stop()
        receiptNews.stop()
        await presence?.stop()
        await queues.stop()
      },
    },
  }
}

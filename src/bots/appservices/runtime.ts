import type { Accounts } from '../../accounts/accounts.ts'
import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Registration } from '../../accounts/appservices/registration.ts'
import type { Database } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import type { E2ee } from '../../e2ee/e2ee.ts'
import { errors } from '../../matrix/errors.ts'
import type { PresenceNews } from '../../rooms/presence/news.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Part } from '../../util/part.ts'
import { createAppserviceClient } from './client.ts'
import { createDeviceQueue } from './device-queue.ts'
import { createEphemeralNews } from './ephemeral-news.ts'
import { createEventQueue } from './event-queue.ts'
import { createInterest } from './interest.ts'
import { createInvitedUsers } from './invited-users.ts'
import { indexMembers, namespaceDigest } from './member-index.ts'
import { ping } from './ping.ts'
import { createQueries } from './queries.ts'
import { createReceiptQueue } from './receipts.ts'
import { createSender, type Sender } from './sender.ts'
import { deleteService, getProgress, insertProgress, listKnownServices } from './store-progress.ts'
import { createThirdParty, type ThirdParty } from './third-party.ts'
import { createTransactions } from './transactions.ts'

export interface AppserviceRuntimeDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  readonly accounts: Pick<Accounts, 'appservices' | 'users'>
  readonly rooms: Pick<Rooms, 'reads' | 'aliases' | 'typing' | 'receipts' | 'onPersist'>
  readonly presence: PresenceNews
  readonly e2ee: Pick<E2ee, 'keyCounts' | 'changedUsers' | 'toDevice' | 'addHook'>
}

/** What the server does for application services of its own accord. */
export interface AppserviceRuntime {
  readonly thirdParty: ThirdParty
  /** Asks a service whether it hears us, and then tells it what waits; returns the time in ms. Throws what `ping` throws. */
  ping(id: string, transactionId: string | undefined): Promise<number>
  /** Takes other registrations for those of before. */
  reload(registrations: readonly Registration[]): Promise<void>
  /** The service seems to be back: tells it now what waits. */
  retry(service: Appservice): Promise<void>
  /** Resolves when all services have been told everything, or have failed. */
  drain(): Promise<void>
  readonly part: Part
}

export function createAppserviceRuntime(deps: AppserviceRuntimeDeps): AppserviceRuntime {
  const { db, streams, clock, log, accounts, rooms, presence, e2ee } = deps
  const { appservices, users } = accounts
  const { reads, typing, receipts } = rooms
  const client = createAppserviceClient('Ringback')
  const queries = createQueries(client)
  const interest = createInterest({ appservices, reads, aliasesOf: rooms.aliases.namesOf })
  const transactions = createTransactions({ db, reads, receipts, interest, e2ee })
  let senders = new Map<string, Sender>()
  let isRunning = false
  let reloading = Promise.resolve()

  const wake = (ids: Iterable<string>) => {
    for (const id of ids) senders.get(id)?.wake()
  }
  appservices.useQueries(queries)
  rooms.onPersist(createInvitedUsers({ accounts, log }))
  rooms.onPersist(createEventQueue({ appservices, interest, wake }))
  receipts.onReceipt(createReceiptQueue({ streams, interest, wake }))
  e2ee.addHook(createDeviceQueue({ appservices, interest, wake }))
  // Typing and presence are in no table; whoever wakes readers for them wakes these senders, too.
  const unsubscribe = streams.subscribe(() => {
    for (const { service, ephemeral, wake: wakeSender } of senders.values()) {
      if (service.registration.receivesEphemeral && ephemeral.isPending()) wakeSender()
    }
  })

  async function forgetOthers(): Promise<void> {
    const registered = new Set(appservices.list().map(({ id }) => id))
    for (const id of await db.read(listKnownServices)) {
      if (registered.has(id)) continue
      log.info({ appservice: id }, 'an application service is registered no more; what waited for it is forgotten')
      await db.write('forget application service', (tx) => deleteService(tx, id))
    }
  }

  async function prepare(service: Appservice): Promise<void> {
    const progress = await db.write('application service', async (tx) => {
      await insertProgress(tx, service.id, await streams.positionIn(tx))
      return getProgress(tx, service.id)
    })
    if (progress?.namespaces !== namespaceDigest(service)) await indexMembers({ db, users, reads }, service)
  }

  async function startAll(): Promise<void> {
    await forgetOthers()
    for (const service of appservices.list()) await prepare(service)
    const sources = { typing, presence, reads, interest }
    senders = new Map(
      interest
        .listeners()
        .map((service) => [
          service.id,
          createSender({ ...deps, client, queries, transactions }, service, createEphemeralNews(sources, service)),
        ]),
    )
    for (const sender of senders.values()) sender.wake()
  }

  async function stopAll(): Promise<void> {
    await Promise.all([...senders.values()].map((sender) => sender.stop()))
    senders = new Map()
  }

  async function replace(registrations: readonly Registration[]): Promise<void> {
    await stopAll()
    appservices.replace(registrations)
    if (isRunning) await startAll()
  }

  return {
    thirdParty: createThirdParty({ clock, client, services: appservices.list }),
    ping: async (id, transactionId) => {
      const service = appservices.list().find((one) => one.id === id)
      if (service === undefined) throw errors.forbidden('There is no such application service')
      const duration = await ping(client, service, transactionId)
      await senders.get(id)?.retry()
      return duration
    },
    reload: (registrations) => {
      reloading = reloading.catch(() => undefined).then(() => replace(registrations))
      return reloading
    },
    retry: async ({ id }) => senders.get(id)?.retry(),
    drain: async () => {
      await Promise.all([...senders.values()].map((sender) => sender.drain()))
    },
    part: {
      name: 'application services',
      start: async () => {
        isRunning = true
        await startAll()
      },
      stop: async () => {
        isRunning = false
        unsubscribe()
        await stopAll()
        client.close()
      },
    },
  }
}

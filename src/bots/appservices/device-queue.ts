import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Appservices } from '../../accounts/appservices/appservices.ts'
import type { E2eeHook } from '../../e2ee/ports.ts'
import type { Interest } from './interest.ts'
import { queueKeyCount, queueMessage } from './store-queued-news.ts'

interface Deps {
  readonly appservices: Pick<Appservices, 'ofUser'>
  readonly interest: Interest
  wake(ids: Iterable<string>): void
}

/** Whether the service is sent what comes for its users' devices. */
export function receivesMessages({ registration }: Appservice): boolean {
  return registration.receivesEphemeral || receivesAlone({ registration })
}

/** Whether it uses the devices of its users in no other way than through its transactions. */
export function receivesAlone({ registration }: Pick<Appservice, 'registration'>): boolean {
  return registration.receivesDeviceNews || registration.managesDevices
}

/** Queues what concerns the encryption of the users of application services. */
export function createDeviceQueue({ appservices, interest, wake }: Deps): E2eeHook {
  const listening = (userId: string) => {
    const all = interest.listeners()
    return appservices.ofUser(userId).filter((service) => all.includes(service))
  }

  return {
    toDevice: async (tx, message) => {
      const services = listening(message.userId).filter(receivesMessages)
      for (const { id } of services) await queueMessage(tx, id, message)
      if (services.length > 0) tx.afterCommit(() => wake(services.map(({ id }) => id)))
    },
    keysClaimed: async (tx, device) => {
      const services = listening(device.userId).filter(({ registration }) => registration.receivesDeviceNews)
      for (const { id } of services) await queueKeyCount(tx, id, device)
      if (services.length > 0) tx.afterCommit(() => wake(services.map(({ id }) => id)))
    },
    deviceChanged: async (tx) => wakeForLists(tx),
    crossSigningChanged: async (tx) => wakeForLists(tx),
  }

  function wakeForLists(tx: { afterCommit(callback: () => void): void }): void {
    const services = interest.listeners().filter(({ registration }) => registration.receivesDeviceNews)
    if (services.length > 0) tx.afterCommit(() => wake(services.map(({ id }) => id)))
  }
}

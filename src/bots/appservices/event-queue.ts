import type { Appservice } from '../../accounts/appservices/appservice.ts'
import type { Appservices } from '../../accounts/appservices/appservices.ts'
import type { Tx } from '../../db/database.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import { type PersistHook, removedMembers, type StoredEvent } from '../../rooms/types.ts'
import type { Interest } from './interest.ts'
import { deleteMember, hasMember, insertMember } from './store-members.ts'
import { queueEvent } from './store-queued-events.ts'

interface Deps {
  readonly appservices: Pick<Appservices, 'ofUser'>
  readonly interest: Interest
  /** Called after the commit with the services that have news. */
  wake(ids: Iterable<string>): void
}

/**
 * Queues new events for the application services that they concern: by their sender, their state key, the room, or a
 * user of the service who is joined when the event comes. Keeps the table of these users.
 */
export function createEventQueue({ appservices, interest, wake }: Deps): PersistHook {
  const ofUser = (userId: string | undefined) => (userId === undefined ? [] : appservices.ofUser(userId))

  const concerns = (service: Appservice, { pdu }: StoredEvent) =>
    ofUser(pdu.sender).includes(service) || ofUser(pdu.state_key).includes(service)

  async function follow(tx: Tx, roomNid: number, { pdu }: StoredEvent): Promise<readonly Appservice[]> {
    if (pdu.type !== 'm.room.member' || pdu.state_key === undefined) return []
    const services = ofUser(pdu.state_key).filter(({ registration }) => registration.url !== undefined)
    for (const { id } of services) {
      const member = { id, roomNid, userId: pdu.state_key }
      await (membershipOf(pdu) === 'join' ? insertMember : deleteMember)(tx, member)
    }
    return services
  }

  return async (tx, { room, events, currentChanges, removed }) => {
    const listeners = interest.listeners()
    if (listeners.length === 0) return
    const whole = await interest.byNamespace(tx, room)
    const present = new Map<Appservice, boolean>()
    const isPresent = async (service: Appservice) => {
      const known = present.get(service) ?? (await hasMember(tx, service.id, room.nid))
      present.set(service, known)
      return known
    }
    const changed = new Map(currentChanges.map((event) => [event.nid, event]))
    const woken = new Set<string>()
    for (const event of events) {
      const { nid, streamPos, status } = event
      for (const service of status === 0 && streamPos !== undefined && streamPos > 0 ? listeners : []) {
        if (!(whole.has(service) || concerns(service, event) || (await isPresent(service)))) continue
        await queueEvent(tx, service.id, { position: streamPos ?? 0, nid })
        woken.add(service.id)
      }
      if (!changed.delete(nid)) continue
      for (const service of await follow(tx, room.nid, event)) present.delete(service)
    }
    for (const event of changed.values()) await follow(tx, room.nid, event)
    for (const userId of removedMembers(removed)) {
      for (const { id } of ofUser(userId)) await deleteMember(tx, { id, roomNid: room.nid, userId })
    }
    if (woken.size > 0) tx.afterCommit(() => wake(woken))
  }
}

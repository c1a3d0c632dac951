import type { Database } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import { getRoom } from '../store-rooms.ts'
import { deleteNetworkRoom, insertNetworkRoom } from './store-network-rooms.ts'

/** A network to which an application service bridges. */
export interface Network {
  readonly appserviceId: string
  readonly networkId: string
}

/** Which rooms a directory holds: this server's own, those published for one network, or all of them. */
export type DirectoryScope = 'own' | 'all' | Network

/** The name by which clients ask for the rooms of a network. */
export function formatInstanceId(appserviceId: string, networkId: string): string {
  return `${encodeURIComponent(appserviceId)}|${encodeURIComponent(networkId)}`
}

/** Undefined for a name that we have not made. */
export function parseInstanceId(text: string): Network | undefined {
  const [appserviceId, networkId, ...rest] = text.split('|')
  if (appserviceId === undefined || networkId === undefined || rest.length > 0) return undefined
  try {
    return { appserviceId: decodeURIComponent(appserviceId), networkId: decodeURIComponent(networkId) }
  } catch {
    return undefined
  }
}

/** Puts a room into the directory of a network, or takes it out. Throws `404` for an unknown room. */
export type SetNetworkVisibility = (network: Network, roomId: string, visibility: 'public' | 'private') => Promise<void>

export function createNetworkRooms(db: Database): SetNetworkVisibility {
  return (network, roomId, visibility) =>
    db.write('room of a network', async (tx) => {
      const room = await getRoom(tx, roomId)
      if (room === undefined) throw errors.notFound('This server does not know that room')
      await (visibility === 'public' ? insertNetworkRoom : deleteNetworkRoom)(tx, network, room.nid)
    })
}

import type { Tx } from '../../db/database.ts'

interface NetworkRef {
  readonly appserviceId: string
  readonly networkId: string
}

export async function insertNetworkRoom(tx: Tx, network: NetworkRef, roomNid: number): Promise<void> {
  await tx.qb
    .insertInto('network_rooms')
    .values({ appservice_id: network.appserviceId, network_id: network.networkId, room_nid: roomNid })
    .onConflict((c) => c.doNothing())
    .execute()
}

export async function deleteNetworkRoom(tx: Tx, network: NetworkRef, roomNid: number): Promise<void> {
  await tx.qb
    .deleteFrom('network_rooms')
    .where('appservice_id', '=', network.appserviceId)
    .where('network_id', '=', network.networkId)
    .where('room_nid', '=', roomNid)
    .execute()
}

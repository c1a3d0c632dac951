import { makeUserId, type UserId } from '../../../src/matrix/ids.ts'
import type { TestUser } from '../server.ts'
import { createPeer, type Peer } from './peer.ts'
import { createFederatedServer, type FederatedServer } from './servers.ts'

/** Our server with alice, and a test server with carol. */
export interface Encounter {
  readonly server: FederatedServer
  readonly peer: Peer
  readonly alice: TestUser
  readonly carol: UserId
  /** Stops both. */
  end(): Promise<void>
}

export async function createEncounter(): Promise<Encounter> {
  const server = await createFederatedServer()
  const peer = await createPeer()
  return {
    server,
    peer,
    alice: await server.user('alice'),
    carol: makeUserId('carol', peer.serverName),
    end: async () => {
      await peer.stop()
      await server.stop()
    },
  }
}

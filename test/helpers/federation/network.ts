import assert, { AssertionError } from 'node:assert/strict'
import type { ServerName } from '../../../src/matrix/ids.ts'
import { allState } from '../rooms.ts'
import { createTestServer, type TestServerOptions, type TestUser } from '../server.ts'
import { sync } from '../sync.ts'
import { type Gate, type Guard, openGate } from './gate.ts'
import type { FederatedServer } from './servers.ts'
import { localAuthority } from './test-authority.ts'

const patienceMs = 30_000

/** Several servers in this process, each behind a gate, so that tests decide who reaches whom. */
export interface Network extends AsyncDisposable {
  readonly servers: readonly FederatedServer[]
  /** Who reaches nobody and is reached by nobody. */
  cutOff(...servers: FederatedServer[]): void
  /** Splits the network: servers of different groups don't reach each other. */
  split(...groups: FederatedServer[][]): void
  /** Everybody reaches everybody again. */
  heal(): void
  /** What becomes of requests that the groups allow; for delays and losses. */
  weather: (from: ServerName | undefined, to: ServerName, ...passage: Parameters<Guard>) => ReturnType<Guard>
}

export async function createNetwork(count: number, options: TestServerOptions = {}): Promise<Network> {
  const gates: Gate[] = []
  const servers: FederatedServer[] = []
  let groupOf = new Map<string, number>()
  const network: Network = {
    servers,
    cutOff: (...alone) =>
      network.split(
        ...alone.map((server) => [server]),
        servers.filter((server) => !alone.includes(server)),
      ),
    split: (...groups) => {
      groupOf = new Map(groups.flatMap((group, i) => group.map(({ serverName }) => [serverName, i])))
    },
    heal: () => {
      groupOf = new Map()
    },
    weather: () => true,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(servers.map((server) => server.stop()))
      await Promise.all(gates.map((gate) => gate.stop()))
    },
  }
  for (let i = 0; i < count; i++) {
    const gate = await openGate()
    gates.push(gate)
    const server = await startBehind(gate, options)
    gate.guard = (passage) => {
      const { origin } = passage
      // Who asks for keys cannot be told; a server that is alone is asked by nobody.
      const from = origin === undefined ? undefined : groupOf.get(origin)
      const own = groupOf.get(server.serverName)
      if (origin !== undefined && from !== own) return false
      if (origin === undefined && own !== undefined && isAlone(own)) return false
      return network.weather(origin as ServerName | undefined, server.serverName, passage)
    }
    servers.push(server)
  }
  const isAlone = (group: number) => [...groupOf.values()].filter((other) => other === group).length === 1
  return network
}

async function startBehind(gate: Gate, options: TestServerOptions): Promise<FederatedServer> {
  const serverName = `localhost:${gate.port}` as ServerName
  const { federation = {}, ...config } = options.config ?? {}
  const server = await createTestServer({
    ...options,
    config: {
      server_name: serverName,
      federation: { extra_ca_file: localAuthority().caFile, ...Object(federation) },
      ...config,
    },
  })
  gate.target = server.url
  return { ...server, serverName }
}

/** What a user's server takes for the state of a room: event ids by type and state key. */
export async function stateOf(user: TestUser, roomId: string): Promise<Record<string, string>> {
  const entries = (await allState(user, roomId)).map((event) => [`${event.type} ${event.state_key}`, event.event_id])
  return Object.fromEntries(entries.sort(([a = ''], [b = '']) => (a < b ? -1 : 1)))
}

/** Checks that the servers of these users agree on the state of a room. */
export async function assertSameState(roomId: string, users: readonly TestUser[]): Promise<void> {
  const [first, ...others] = await Promise.all(users.map((user) => stateOf(user, roomId)))
  for (const [i, other] of others.entries()) {
    assert.deepEqual(other, first, `${users[i + 1]?.userId} sees another state than ${users[0]?.userId}`)
  }
}

/** Resolves once the servers of these users agree on the state of a room; each sync that brings something is a reason to look again. */
export async function untilSameState(roomId: string, users: readonly TestUser[]): Promise<void> {
  const deadline = Date.now() + patienceMs
  const tokens = new Map<TestUser, string>()
  for (;;) {
    try {
      return await assertSameState(roomId, users)
    } catch (error) {
      if (!(error instanceof AssertionError) || Date.now() > deadline) throw error
    }
    const polls = users.map(async (user) => {
      const since = tokens.get(user)
      const body = await sync(user, { timeout: 1000, ...(since !== undefined && { since }) })
      tokens.set(user, body.next_batch)
    })
    await Promise.all(polls)
  }
}

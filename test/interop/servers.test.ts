/** Ringback and Synapse share rooms, in both directions. */
import { after, before, test } from 'node:test'
import { createNetwork, type Network } from '../helpers/federation/network.ts'
import { scenarios } from '../helpers/federation/scenarios/all.ts'
import { partition } from '../helpers/federation/scenarios/partition.ts'
import type { Side } from '../helpers/federation/scenarios/side.ts'
import { type Synapse, startSynapse, withoutSynapse } from './synapse.ts'

const options = { skip: withoutSynapse }
/** Where room versions differ; the rest is tried in one. */
const inOlderVersions = /messages|redactions|history|accepted|knock|restricted|power/
let synapse: Synapse
let network: Network
let ours: Side
let theirs: Side

before(async () => {
  if (withoutSynapse) return
  synapse = await startSynapse()
  network = await createNetwork(1)
  const [server] = network.servers
  if (server === undefined) throw new Error('no server')
  ours = { user: await server.user('alice'), serverName: server.serverName }
  theirs = { user: await synapse.register('bob'), serverName: synapse.serverName }
})
after(async () => {
  await network?.[Symbol.asyncDispose]()
  await synapse?.stop()
})

const directions = [
  ['our room', () => [ours, theirs]],
  ['a room of Synapse', () => [theirs, ours]],
] as const satisfies [string, () => [Side, Side]][]

for (const [where, sides] of directions) {
  for (const [name, run] of scenarios) {
    for (const version of inOlderVersions.test(name) ? ['10', '11', '12'] : ['12']) {
      test(`${where} of version ${version}: ${name}`, options, async () => {
        const [host, guest] = sides()
        await run(host, guest, version)
      })
    }
  }

  test(`${where}: a partition heals`, options, async () => {
    const [host, guest] = sides()
    const [server] = network.servers
    if (server === undefined) throw new Error('no server')
    const cut = () => {
      network.cutOff(server)
      synapse.gate.guard = () => false
    }
    const heal = () => {
      network.heal()
      synapse.gate.guard = () => true
    }
    await partition(host, guest, '12', { cut, heal })
  })
}

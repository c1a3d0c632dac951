/** Servers of our own that share rooms, each behind a gate. */
import { after, before, test } from 'node:test'
import { createNetwork, type Network, untilSameState } from './helpers/federation/network.ts'
import { scenarios } from './helpers/federation/scenarios/all.ts'
import { partition } from './helpers/federation/scenarios/partition.ts'
import { joinVia, type Side, untilSaid } from './helpers/federation/scenarios/side.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createFollower } from './helpers/follower.ts'
import { createRoom, send, setState } from './helpers/rooms.ts'

const options = { skip: withoutOpenssl }
let network: Network
let sides: [Side, Side, Side]

before(async () => {
  if (withoutOpenssl) return
  network = await createNetwork(3)
  const make = async (i: number, name: string): Promise<Side> => {
    const server = network.servers[i]
    if (server === undefined) throw new Error('no server')
    return { user: await server.user(name), serverName: server.serverName }
  }
  sides = [await make(0, 'alice'), await make(1, 'bob'), await make(2, 'carol')]
})
after(() => network?.[Symbol.asyncDispose]())

for (const [name, run] of scenarios) {
  test(`between two servers: ${name}`, options, async () => {
    const [alice, bob] = sides
    await run(alice, bob, '12')
  })
}

for (const version of ['1', '2', '3', '6', '9', '10', '11', '12']) {
  test(`users of three servers talk in a room of version ${version}`, options, async () => {
    const [alice, bob, carol] = sides
    const users = sides.map(({ user }) => user)
    const roomId = await createRoom(alice.user, { preset: 'public_chat', room_version: version })
    await joinVia(bob, roomId, alice)
    await joinVia(carol, roomId, bob)
    const views = await Promise.all(users.map((user) => createFollower(user)))
    for (const user of users) {
      await send(user, roomId, `hello from ${user.userId}`)
      for (const view of views) await untilSaid(view, roomId, `hello from ${user.userId}`)
    }
    await untilSameState(roomId, users)
  })
}

test('two servers that were parted agree again', options, async () => {
  const [alice, bob] = sides
  const [one, two, three] = network.servers
  if (!one || !two || !three) throw new Error('no servers')
  const cut = () => network.split([one, three], [two])
  await partition(alice, bob, '12', { cut, heal: () => network.heal() })
})

test('a network of three that was split heals, and all agree again', options, async () => {
  const [alice, bob, carol] = sides
  const users = sides.map(({ user }) => user)
  const levels = { state_default: 0, events: {} }
  const roomId = await createRoom(alice.user, { preset: 'public_chat', power_level_content_override: levels })
  await joinVia(bob, roomId, alice)
  await joinVia(carol, roomId, alice)
  await untilSameState(roomId, users)
  const [one, ...others] = network.servers
  if (one === undefined) throw new Error('no server')
  network.split([one], others)
  await setState(alice.user, roomId, 'm.room.topic', { topic: 'alice' })
  await setState(bob.user, roomId, 'm.room.topic', { topic: 'bob' })
  await setState(carol.user, roomId, 'm.room.name', { name: 'carol' })
  for (let i = 0; i < 15; i++) await send(alice.user, roomId, `alone ${i}`)
  for (let i = 0; i < 15; i++) await send((i % 2 ? bob : carol).user, roomId, `together ${i}`)
  network.heal()
  for (const user of users) await send(user, roomId, `here I am again, ${user.userId}`)
  await untilSameState(roomId, users)
})

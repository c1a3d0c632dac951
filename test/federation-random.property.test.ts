/** Random histories over three servers, whose transactions are held up and get lost: in the end all agree. */
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { at } from './helpers/client.ts'
import { createNetwork, type Network, untilSameState } from './helpers/federation/network.ts'
import { joinVia, type Side, untilIn } from './helpers/federation/scenarios/side.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'
import { createRoom, send } from './helpers/rooms.ts'
import type { TestUser } from './helpers/server.ts'

const options = { skip: withoutOpenssl, timeout: 600_000 }
let network: Network
let sides: Side[]

before(async () => {
  if (withoutOpenssl) return
  network = await createNetwork(3)
  sides = []
  for (const [i, server] of network.servers.entries()) {
    sides.push({ user: await server.user(`person${i}`), serverName: server.serverName })
  }
})
after(() => network?.[Symbol.asyncDispose]())

const kinds = ['topic', 'name', 'message', 'levels', 'kick', 'ban', 'unban', 'leave', 'join', 'rule'] as const
type Kind = (typeof kinds)[number]

/** One act: by whom, of what kind, upon whom, and what the network does with the transactions that follow. */
interface Act {
  readonly by: number
  readonly kind: Kind
  readonly upon: number
  readonly value: number
  readonly weather: 'pass' | 'hold' | 'lose' | 'release'
}

const act: fc.Arbitrary<Act> = fc.record({
  by: fc.nat({ max: 2 }),
  kind: fc.constantFrom(...kinds),
  upon: fc.nat({ max: 2 }),
  value: fc.nat({ max: 100 }),
  weather: fc.constantFrom('pass', 'hold', 'lose', 'release'),
})

/** Holds transactions up or loses them, as the acts say. */
function makeWeather() {
  let now: Act['weather'] = 'pass'
  let held: ((passes: boolean) => void)[] = []
  const release = () => {
    for (const pass of held.splice(0)) pass(true)
    held = []
  }
  network.weather = (_from, _to, { uri }) => {
    if (!uri.includes('/federation/v1/send/') || now === 'pass' || now === 'release') return true
    if (now === 'lose') return false
    return new Promise<boolean>((resolve) => held.push(resolve))
  }
  return {
    set: (weather: Act['weather']) => {
      now = weather
      if (weather !== 'hold') release()
    },
  }
}

async function perform(roomId: string, { by, kind, upon, value }: Act): Promise<void> {
  const { user } = side(by)
  const target = side(upon).user.userId
  // What is not allowed is refused: that is part of the history.
  const state = (type: string, body: object, key = '') =>
    user.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/state/${type}/${key}`, { body })
  const post = (action: string, body: object = {}) =>
    user.request('POST', `${at`/_matrix/client/v3/rooms/${roomId}/`}${action}`, { body })
  switch (kind) {
    case 'topic':
      await state('m.room.topic', { topic: `${value}` })
      break
    case 'name':
      await state('m.room.name', { name: `${value}` })
      break
    case 'rule':
      await state('m.room.join_rules', { join_rule: value % 2 ? 'public' : 'invite' })
      break
    case 'message':
      await user.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/send/m.room.message/${`${txn++}`}`, {
        body: { msgtype: 'm.text', body: `${value}` },
      })
      break
    case 'levels': {
      const { body } = await user.request('GET', at`/_matrix/client/v3/rooms/${roomId}/state/m.room.power_levels/`)
      const users = { ...Object(body.users), ...(upon === 0 ? {} : { [target]: [0, 50, 100][value % 3] }) }
      await state('m.room.power_levels', { ...body, users })
      break
    }
    case 'join':
      await user.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
        query: { via: side(0).serverName },
        body: {},
      })
      break
    case 'leave':
      // The creator stays, so that there is somebody through whom the others come back.
      if (by !== 0) await post('leave')
      break
    default:
      if (upon !== 0 && by !== upon) await post(kind, { user_id: target })
  }
}

/** The same histories each time, so that a failure is due to a change; `RANDOM_HISTORIES=100` tries others. */
const others = process.env.RANDOM_HISTORIES
const chosen = others === undefined ? { seed: 20261127, numRuns: 8 } : { numRuns: Number(others) }
let txn = 0
const side = (i: number): Side => {
  const found = sides[i]
  if (found === undefined) throw new Error('no such side')
  return found
}

/** What is owed is sent now, and not when its turn comes after all that was lost. */
async function settle(): Promise<void> {
  const { servers } = network
  for (let round = 0; round < 2; round++) {
    for (const { context } of servers) {
      for (const { serverName } of servers) {
        context.federation.transport.heardFrom(serverName)
        await context.sender.destinations.reset(serverName)
      }
    }
    for (const { context } of servers) await context.sender.drain()
    for (const { context } of servers) await context.rooms.ingest?.drain()
  }
}

/** Everybody comes back and says something, so that all hear of all branches. */
async function reunite(roomId: string): Promise<TestUser[]> {
  const [host, ...others] = sides as [Side, ...Side[]]
  const options = { body: { join_rule: 'public' } }
  await host.user.request('PUT', at`/_matrix/client/v3/rooms/${roomId}/state/m.room.join_rules/`, options)
  for (const { user } of others) {
    await host.user.request('POST', at`/_matrix/client/v3/rooms/${roomId}/unban`, { body: { user_id: user.userId } })
  }
  for (const guest of others) {
    const { body } = await host.user.request(
      'GET',
      at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${guest.user.userId}`,
    )
    // Whoever a merge of branches has put out is not told, because their server is none of the room's any more.
    if (body.membership !== 'join') {
      await guest.user.request('POST', at`/_matrix/client/v3/rooms/${roomId}/leave`, { body: {} })
    }
    await host.user.request('POST', at`/_matrix/client/v3/rooms/${roomId}/invite`, {
      body: { user_id: guest.user.userId },
    })
    await joinVia(guest, roomId, host)
    await untilIn(host, roomId, guest.user.userId, 'join')
  }
  for (const { user } of sides) await send(user, roomId, 'together again')
  return sides.map(({ user }) => user)
}

/** Histories that went wrong once. */
const examples: [Act[]][] = [
  // An invitation that came by itself had no edges to what authorises it, so that the ban behind it was overlooked.
  [
    [
      { by: 1, kind: 'join', upon: 2, value: 57, weather: 'hold' },
      { by: 1, kind: 'kick', upon: 2, value: 7, weather: 'lose' },
      { by: 1, kind: 'rule', upon: 1, value: 8, weather: 'pass' },
      { by: 1, kind: 'levels', upon: 2, value: 8, weather: 'pass' },
      { by: 0, kind: 'unban', upon: 2, value: 35, weather: 'hold' },
      { by: 2, kind: 'message', upon: 0, value: 29, weather: 'pass' },
      { by: 1, kind: 'kick', upon: 2, value: 24, weather: 'pass' },
      { by: 0, kind: 'name', upon: 0, value: 8, weather: 'release' },
      { by: 0, kind: 'leave', upon: 2, value: 92, weather: 'release' },
      { by: 0, kind: 'ban', upon: 2, value: 19, weather: 'lose' },
      { by: 2, kind: 'topic', upon: 1, value: 27, weather: 'release' },
      { by: 2, kind: 'message', upon: 0, value: 28, weather: 'release' },
      { by: 0, kind: 'message', upon: 1, value: 6, weather: 'lose' },
      { by: 1, kind: 'join', upon: 0, value: 48, weather: 'pass' },
      { by: 1, kind: 'join', upon: 2, value: 66, weather: 'pass' },
      { by: 2, kind: 'unban', upon: 1, value: 99, weather: 'release' },
      { by: 0, kind: 'leave', upon: 2, value: 0, weather: 'lose' },
      { by: 0, kind: 'ban', upon: 0, value: 19, weather: 'lose' },
      { by: 1, kind: 'unban', upon: 1, value: 4, weather: 'hold' },
    ],
  ],
  // A merge puts somebody out whose server is not told.
  [
    [
      { by: 1, kind: 'leave', upon: 1, value: 14, weather: 'release' },
      { by: 2, kind: 'levels', upon: 1, value: 3, weather: 'hold' },
      { by: 0, kind: 'topic', upon: 1, value: 10, weather: 'hold' },
      { by: 1, kind: 'join', upon: 1, value: 18, weather: 'hold' },
      { by: 1, kind: 'message', upon: 2, value: 3, weather: 'pass' },
      { by: 2, kind: 'ban', upon: 0, value: 47, weather: 'release' },
      { by: 0, kind: 'rule', upon: 0, value: 6, weather: 'release' },
      { by: 1, kind: 'ban', upon: 1, value: 6, weather: 'hold' },
    ],
  ],
]

for (const version of ['6', '10', '12']) {
  test(`three servers agree about a room of version ${version} after whatever happened`, options, async () => {
    const history = fc.array(act, { minLength: 5, maxLength: 20 })
    await fc.assert(
      fc.asyncProperty(history, async (acts) => {
        const [host, ...others] = sides as [Side, ...Side[]]
        const roomId = await createRoom(host.user, {
          preset: 'public_chat',
          room_version: version,
          power_level_content_override: { state_default: 0, events: {} },
        })
        for (const guest of others) await joinVia(guest, roomId, host)
        const weather = makeWeather()
        try {
          for (const one of acts) {
            weather.set(one.weather)
            await perform(roomId, one)
          }
        } finally {
          weather.set('pass')
        }
        // Who does not know yet of having been put out cannot come back.
        await settle()
        await untilSameState(roomId, await reunite(roomId))
      }),
      { ...chosen, examples, interruptAfterTimeLimit: 120_000, endOnFailure: true },
    )
  })
}

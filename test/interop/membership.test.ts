/** People come and go between Ringback and Synapse, before both share a room and after. */
import { after, before, test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { at } from '../helpers/client.ts'
import { createFederatedServer, type FederatedServer } from '../helpers/federation/servers.ts'
import { act, createRoom } from '../helpers/rooms.ts'
import type { TestUser } from '../helpers/server.ts'
import { type SyncBody, sync } from '../helpers/sync.ts'
import { type Synapse, startSynapse, withoutSynapse } from './synapse.ts'

const options = { skip: withoutSynapse }
const versions = ['2', '6', '8', '10', '11', '12']

interface Side {
  readonly user: TestUser
  readonly serverName: string
}

let server: FederatedServer
let synapse: Synapse
let ours: Side
let theirs: Side

before(async () => {
  if (withoutSynapse) return
  synapse = await startSynapse()
  server = await createFederatedServer()
  ours = { user: await server.user('alice'), serverName: server.serverName }
  theirs = { user: await synapse.register('bob'), serverName: synapse.serverName }
})
after(async () => {
  await server?.stop()
  await synapse?.stop()
})

const directions = [
  ['a room of ours', () => [ours, theirs]],
  ['a room of Synapse', () => [theirs, ours]],
] as const satisfies [string, () => [Side, Side]][]

const join = (user: TestUser, roomId: string, via: string | undefined, status = 200) =>
  user.request('POST', at`/_matrix/client/v3/join/${roomId}`, {
    query: via === undefined ? {} : { via, server_name: via },
    body: {},
    expect: status,
    unchecked: true,
  })

/** The membership of a user as somebody in the room sees it. */
async function until(user: TestUser, roomId: string, target: string, membership: string): Promise<void> {
  const path = at`/_matrix/client/v3/rooms/${roomId}/state/m.room.member/${target}`
  const deadline = Date.now() + 10_000
  for (;;) {
    const { body } = await user.request('GET', path, { unchecked: true })
    if (body.membership === membership) return
    if (Date.now() > deadline) throw new Error(`${target} is ${body.membership} instead of ${membership}`)
    await delay(50)
  }
}

async function untilSynced(user: TestUser, what: string, look: (body: SyncBody) => boolean): Promise<void> {
  const deadline = Date.now() + 10_000
  while (!look(await sync(user))) {
    if (Date.now() > deadline) throw new Error(`${user.userId} has waited in vain for ${what}`)
    await delay(50)
  }
}

const withRule = (join_rule: string, allow?: string) => [
  {
    type: 'm.room.join_rules',
    content: { join_rule, ...(allow && { allow: [{ type: 'm.room_membership', room_id: allow }] }) },
  },
]

for (const [where, sides] of directions) {
  for (const version of versions) {
    test(`${where} of version ${version} is joined, left and joined again`, options, async () => {
      const [host, guest] = sides()
      const roomId = await createRoom(host.user, { room_version: version, preset: 'public_chat', name: 'Open' })
      await join(guest.user, roomId, host.serverName)
      await until(host.user, roomId, guest.user.userId, 'join')
      await act(guest.user, roomId, 'leave')
      await until(host.user, roomId, guest.user.userId, 'leave')
      await join(guest.user, roomId, host.serverName)
      await until(host.user, roomId, guest.user.userId, 'join')
    })

    test(`invitations to ${where} of version ${version} are taken, turned down and taken back`, options, async () => {
      const [host, guest] = sides()
      const { userId } = guest.user
      const roomId = await createRoom(host.user, { room_version: version, preset: 'private_chat', name: 'Closed' })
      await join(guest.user, roomId, host.serverName, 403)
      await act(host.user, roomId, 'invite', { user_id: userId })
      await untilSynced(guest.user, 'an invitation', ({ rooms }) => {
        const told = rooms?.invite?.[roomId]?.invite_state.events ?? []
        return told.some(({ type, content }) => type === 'm.room.name' && content.name === 'Closed')
      })
      await act(guest.user, roomId, 'leave')
      await until(host.user, roomId, userId, 'leave')
      await act(host.user, roomId, 'invite', { user_id: userId })
      await untilSynced(guest.user, 'an invitation', ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
      await act(host.user, roomId, 'kick', { user_id: userId })
      await untilSynced(guest.user, 'the end of it', ({ rooms }) => rooms?.invite?.[roomId] === undefined)
      await act(host.user, roomId, 'invite', { user_id: userId })
      await untilSynced(guest.user, 'an invitation', ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
      await join(guest.user, roomId, undefined)
      await until(host.user, roomId, userId, 'join')
    })

    if (Number(version) >= 7) {
      test(`knocks at ${where} of version ${version} are answered and taken back`, options, async () => {
        const [host, guest] = sides()
        const { userId } = guest.user
        const roomId = await createRoom(host.user, {
          room_version: version,
          name: 'Door',
          initial_state: withRule('knock'),
        })
        const knock = () =>
          guest.user.request('POST', at`/_matrix/client/v3/knock/${roomId}`, {
            query: { via: host.serverName, server_name: host.serverName },
            body: { reason: 'me' },
            expect: 200,
          })
        await knock()
        await until(host.user, roomId, userId, 'knock')
        await untilSynced(guest.user, 'the knock', ({ rooms }) => rooms?.knock?.[roomId] !== undefined)
        await act(guest.user, roomId, 'leave')
        // Synapse tells nobody else when a knock is taken back.
        if (guest === ours) await until(host.user, roomId, userId, 'leave')
        await knock()
        await until(host.user, roomId, userId, 'knock')
        await act(host.user, roomId, 'invite', { user_id: userId })
        await untilSynced(guest.user, 'an invitation', ({ rooms }) => rooms?.invite?.[roomId] !== undefined)
        await join(guest.user, roomId, undefined)
        await until(host.user, roomId, userId, 'join')
      })
    }

    if (Number(version) >= 8) {
      test(`${where} of version ${version} is open to members of another one`, options, async () => {
        const [host, guest] = sides()
        const club = await createRoom(host.user, { preset: 'public_chat' })
        const initial_state = withRule('restricted', club)
        const roomId = await createRoom(host.user, { room_version: version, initial_state })
        await join(guest.user, roomId, host.serverName, 403)
        await join(guest.user, club, host.serverName)
        await until(host.user, club, guest.user.userId, 'join')
        await join(guest.user, roomId, host.serverName)
        await until(host.user, roomId, guest.user.userId, 'join')
      })
    }
  }
}

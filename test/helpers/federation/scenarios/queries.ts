import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { at } from '../../client.ts'
import { createRoom } from '../../rooms.ts'
import { openRoom, type Scenario, untilSync } from './side.ts'

let aliases = 0

export const aliasAndDirectory: Scenario = async (host, guest, version) => {
  aliases += 1
  const name = `place${aliases}`
  const creation = { preset: 'public_chat', visibility: 'public', room_alias_name: name, name, room_version: version }
  const roomId = await createRoom(host.user, creation)
  const alias = `#${name}:${host.serverName}`
  const known = await guest.user.get(at`/_matrix/client/v3/directory/room/${alias}`)
  assert.equal(known.room_id, roomId)
  const listed = await guest.user.get<{ chunk: { room_id: string }[] }>('/_matrix/client/v3/publicRooms', {
    server: host.serverName,
    // Synapse remembers lists that it has asked for the same way.
    limit: 100 + aliases,
  })
  assert.ok(listed.chunk.some((room) => room.room_id === roomId))
  await guest.user.post(at`/_matrix/client/v3/join/${alias}`)
}

export const profile: Scenario = async (host, guest, version) => {
  const { userId } = host.user
  await host.user.put(at`/_matrix/client/v3/profile/${userId}/displayname`, { displayname: 'Renamed' })
  assert.equal((await guest.user.get(at`/_matrix/client/v3/profile/${userId}`)).displayname, 'Renamed')
  const { roomId } = await openRoom(host, guest, version)
  await host.user.put(at`/_matrix/client/v3/profile/${userId}/displayname`, { displayname: `Again ${version}` })
  await untilSync(guest, 'the new name', (body) =>
    JSON.stringify(body.rooms?.join?.[roomId] ?? '').includes(`Again ${version}`) ? true : undefined,
  )
}

export const media: Scenario = async (host, guest) => {
  const bytes = new Uint8Array(randomBytes(50_000))
  const { content_uri: uri } = await host.user.post<{ content_uri: string }>('/_matrix/media/v3/upload', bytes, {
    query: { filename: 'noise.bin' },
    headers: { 'Content-Type': 'application/octet-stream' },
  })
  const path = uri.replace('mxc://', '')
  const [server = '', mediaId = ''] = path.split('/')
  const response = await fetch(guest.user.baseUrl + at`/_matrix/client/v1/media/download/${server}/${mediaId}`, {
    headers: { Authorization: `Bearer ${guest.user.accessToken}` },
  })
  assert.equal(response.status, 200)
  assert.deepEqual(new Uint8Array(await response.arrayBuffer()), bytes)
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { connectPeers } from './helpers/federation/servers.ts'

test('what one server asks another', async (t) => {
  await using servers = await connectPeers(2)
  const [here, there] = servers
  assert.ok(here && there)
  const alice = await here.user('alice')
  const bob = await there.user('bob')

  await t.test('profiles, whole and by field', async () => {
    const path = `/_matrix/client/v3/profile/${encodeURIComponent(bob.userId)}`
    await bob.put(`${path}/displayname`, { displayname: 'Bob' })
    await bob.put(`${path}/m.tz`, { 'm.tz': 'Europe/Paris' })
    assert.deepEqual(await alice.get(path), { displayname: 'Bob', 'm.tz': 'Europe/Paris' })
    assert.deepEqual(await alice.get(`${path}/displayname`), { displayname: 'Bob' })
    const nobody = `/_matrix/client/v3/profile/${encodeURIComponent(`@nobody:${there.serverName}`)}`
    assert.equal((await alice.request('GET', nobody, { expect: 404 })).body.errcode, 'M_NOT_FOUND')
  })

  await t.test('aliases', async () => {
    const room = await bob.post('/_matrix/client/v3/createRoom', { room_alias_name: 'tea', preset: 'public_chat' })
    const alias = encodeURIComponent(`#tea:${there.serverName}`)
    const found = await alice.get(`/_matrix/client/v3/directory/room/${alias}`)
    assert.deepEqual(found, { room_id: room.room_id, servers: [there.serverName] })
    const unknown = encodeURIComponent(`#coffee:${there.serverName}`)
    const path = `/_matrix/client/v3/directory/room/${unknown}`
    assert.equal((await alice.request('GET', path, { expect: 404 })).body.errcode, 'M_NOT_FOUND')
  })

  await t.test('the room directory', async () => {
    const names = ['green tea', 'black tea']
    for (const name of names) {
      await bob.post('/_matrix/client/v3/createRoom', { name, preset: 'public_chat', visibility: 'public' })
    }
    const path = `/_matrix/client/v3/publicRooms?server=${there.serverName}`
    const { body } = await alice.request('GET', `${path}&limit=1`, { expect: 200 })
    assert.equal(body.total_room_count_estimate, 2)
    const next = await alice.get(`${path}&limit=1&since=${encodeURIComponent(String(body.next_batch))}`)
    const shown = [body, next].flatMap(({ chunk }) => (chunk as { name: string }[]).map(({ name }) => name))
    assert.deepEqual(shown.sort(), names.toSorted())
    const filter = { generic_search_term: 'green' }
    const { chunk } = await alice.post(path, { filter })
    assert.deepEqual(
      (chunk as { name: string }[]).map(({ name }) => name),
      ['green tea'],
    )
  })

  await t.test('spaces whose rooms are elsewhere, without those that are not for the user', async () => {
    const create = async (user: typeof alice, options: object) =>
      String((await user.post('/_matrix/client/v3/createRoom', options)).room_id)
    const open = await create(bob, { name: 'open', preset: 'public_chat' })
    const secret = await create(bob, { name: 'secret', preset: 'private_chat' })
    const inner = await create(bob, { name: 'inner', preset: 'public_chat', creation_content: { type: 'm.space' } })
    const outer = await create(alice, { name: 'outer', creation_content: { type: 'm.space' } })
    const add = (user: typeof alice, space: string, child: string, order: string) =>
      user.put(`/_matrix/client/v3/rooms/${space}/state/m.space.child/${encodeURIComponent(child)}`, {
        via: [there.serverName],
        order,
      })
    await add(bob, inner, open, 'a')
    await add(bob, inner, secret, 'b')
    await add(alice, outer, inner, 'a')
    const names = async (query: string) => {
      const { rooms } = await alice.get(`/_matrix/client/v1/rooms/${encodeURIComponent(outer)}/hierarchy${query}`)
      return (rooms as { name: string }[]).map(({ name }) => name)
    }
    assert.deepEqual(await names(''), ['outer', 'inner', 'open'])
    assert.deepEqual(await names('?max_depth=1'), ['outer', 'inner'])
    const path = `/_matrix/client/v1/room_summary/${encodeURIComponent(open)}?via=${there.serverName}`
    const summary = await alice.get(path)
    assert.equal(summary.name, 'open')
    assert.equal(summary.membership, 'leave')
    const hidden = `/_matrix/client/v1/room_summary/${encodeURIComponent(secret)}?via=${there.serverName}`
    await alice.request('GET', hidden, { expect: 404 })
  })

  await t.test('files, kept once they are here', async () => {
    const bytes = Buffer.from('the same bytes, everywhere')
    const upload = await fetch(`${there.url}/_matrix/media/v3/upload?filename=t%C3%A9.txt`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${bob.accessToken}`, 'Content-Type': 'text/plain' },
      body: bytes,
    })
    const { content_uri: uri } = (await upload.json()) as { content_uri: string }
    const path = `/_matrix/client/v1/media/download/${uri.slice('mxc://'.length)}`
    const load = () => fetch(`${here.url}${path}`, { headers: { Authorization: `Bearer ${alice.accessToken}` } })
    const first = await load()
    assert.equal(first.status, 200)
    assert.equal(first.headers.get('content-type'), 'text/plain')
    assert.match(first.headers.get('content-disposition') ?? '', /filename\*=UTF-8''t%C3%A9.txt/)
    assert.deepEqual(Buffer.from(await first.arrayBuffer()), bytes)
    const unknown = `/_matrix/client/v1/media/download/${there.serverName}/${'x'.repeat(24)}`
    assert.equal((await alice.request('GET', unknown, { expect: 404 })).body.errcode, 'M_NOT_FOUND')
    await there.stop()
    assert.deepEqual(Buffer.from(await (await load()).arrayBuffer()), bytes)
    const nowhere = `/_matrix/client/v1/media/download/${there.serverName}/${'y'.repeat(24)}`
    await alice.request('GET', nowhere, { expect: 502 })
    await alice.request('GET', `/_matrix/client/v3/profile/${encodeURIComponent(bob.userId)}`, {
      expect: 502,
      unchecked: true,
    })
  })
})

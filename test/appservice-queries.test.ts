import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { JsonObject } from '../src/matrix/event.ts'
import { appserviceConfig, createGhost, type FakeAppservice, startAppservice } from './helpers/appservice.ts'
import { at } from './helpers/client.ts'
import { createRoom, errorOf, join, membershipOf, send, setState, v3 } from './helpers/rooms.ts'
import { createTestServer, type TestServer } from './helpers/server.ts'

const pathsOf = (service: FakeAppservice) => service.requests.map(({ method, path }) => `${method} ${path}`)
const profile = (userId: string) => at`/_matrix/client/v3/profile/${userId}`
const aliasPath = (alias: string) => at`/_matrix/client/v3/directory/room/${alias}`

/** Lets the service make whatever user it is asked for, unless its name ends in `no`. */
function makesUsers(service: FakeAppservice, server: TestServer): void {
  service.answer = async ({ path }) => {
    const localpart = /^\/_matrix\/app\/v1\/users\/@([^:]+):/.exec(path)?.[1]
    if (localpart === undefined) return undefined
    if (localpart.endsWith('no')) return { status: 404, body: { errcode: 'ORG.EXAMPLE.NOT_FOUND' } }
    await createGhost(server, service, localpart)
    return undefined
  }
}

test('a user who does not exist yet is made by the service when somebody asks for or invites them', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  makesUsers(service, server)
  const alice = await server.user('alice')
  assert.equal((await alice.get(profile('@_irc_a:localhost'))).displayname, '_irc_a')
  assert.deepEqual(pathsOf(service), ['GET /_matrix/app/v1/users/@_irc_a:localhost'])
  assert.equal(service.requests[0]?.headers.authorization, `Bearer ${service.hsToken}`)
  await alice.get(profile('@_irc_a:localhost'))
  assert.equal(await errorOf(alice, 'GET', profile('@_irc_no:localhost'), undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', profile('@nobody:localhost'), undefined, 404), 'M_NOT_FOUND')
  assert.equal(service.requests.length, 2, 'only of those that it would have, and that are not known')

  const room = await createRoom(alice, { invite: ['@_irc_b:localhost'] })
  await alice.post(at`/_matrix/client/v3/rooms/${room}/invite`, { user_id: '@_irc_c:localhost' })
  await setState(alice, room, 'm.room.member', { membership: 'invite' }, '@_irc_d:localhost')
  for (const name of ['b', 'c', 'd']) {
    await service.until(() => pathsOf(service).includes(`GET /_matrix/app/v1/users/@_irc_${name}:localhost`), name)
    assert.equal(await membershipOf(alice, room, `@_irc_${name}:localhost`), 'invite')
  }
})

test('an alias that does not exist yet is made by the service when somebody looks for it', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  service.answer = async ({ path }) => {
    const name = /^\/_matrix\/app\/v1\/rooms\/#([^:]+):localhost$/.exec(path)?.[1]
    if (name === undefined) return undefined
    if (name.endsWith('no')) return { status: 404, body: { errcode: 'ORG.EXAMPLE.NOT_FOUND' } }
    await as.post(`${v3}/createRoom`, { preset: 'public_chat', room_alias_name: name })
    return undefined
  }
  const { room_id: room } = await alice.get(aliasPath('#_irc_x:localhost'))
  assert.equal((await join(alice, '#_irc_x:localhost')).room_id, room)
  assert.ok((await join(alice, '#_irc_y:localhost')).room_id)
  await join(alice, '#_irc_no:localhost', 404)
  assert.equal(await errorOf(alice, 'GET', aliasPath('#other:localhost'), undefined, 404), 'M_NOT_FOUND')
  const asked = pathsOf(service).filter((path) => path.startsWith('GET'))
  assert.deepEqual(asked, [
    'GET /_matrix/app/v1/rooms/#_irc_x:localhost',
    'GET /_matrix/app/v1/rooms/#_irc_y:localhost',
    'GET /_matrix/app/v1/rooms/#_irc_no:localhost',
  ])
})

test('an invitation does not wait for a service that does not answer', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  service.answer = ({ path }) => (path.includes('/users/') ? 'handled' : undefined)
  const alice = await server.user('alice')
  const room = await createRoom(alice, { invite: ['@_irc_a:localhost'] })
  assert.equal(await membershipOf(alice, room, '@_irc_a:localhost'), 'invite')
  await service.until(() => service.events.some(({ room_id }) => room_id === room), 'the invitation')
  assert.ok(service.requests[0]?.path.includes('/users/'), 'the service is asked before it is told')
})

test('whoever looks for what belongs to a silent service is told so', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  await service.kill()
  await Promise.all([
    alice.request('GET', profile('@_irc_a:localhost'), { expect: 408 }),
    alice.request('GET', aliasPath('#_irc_x:localhost'), { expect: 408 }),
  ])
})

test('a service asks whether it is heard', async () => {
  await using service = await startAppservice()
  await using mute = await startAppservice({ id: 'mute', registration: { url: null } })
  await using server = await createTestServer({ config: appserviceConfig(service, mute) })
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  const path = `${v3.replace('v3', 'v1')}/appservice/irc/ping`
  const ping = async (expect: number, client = as, target = path) =>
    (await client.request('POST', target, { body: { transaction_id: 'meow' }, expect })).body

  const { duration_ms: duration } = await ping(200)
  assert.ok(Number.isInteger(duration) && Number(duration) >= 0)
  const [seen] = service.requests
  assert.deepEqual([seen?.method, seen?.path, seen?.body], ['POST', '/_matrix/app/v1/ping', { transaction_id: 'meow' }])
  assert.equal(seen?.headers.authorization, `Bearer ${service.hsToken}`)
  await as.post('/_matrix/client/unstable/fi.mau.msc2659/appservice/irc/ping')

  const refusal = { status: 403, body: { errcode: 'M_FORBIDDEN' } }
  service.answer = () => refusal
  assert.deepEqual(await ping(502), {
    errcode: 'M_BAD_STATUS',
    error: 'The application service answered with status 403',
    status: 403,
    body: JSON.stringify(refusal.body),
  })
  service.answer = () => ({ status: 302, headers: { location: mute.url } })
  assert.deepEqual([(await ping(502)).errcode, mute.requests.length], ['M_BAD_STATUS', 0])
  service.answer = (_request, response) => {
    response.destroy()
    return 'handled'
  }
  assert.equal((await ping(502)).errcode, 'M_CONNECTION_FAILED')
  await service.kill()
  assert.equal((await ping(502)).errcode, 'M_CONNECTION_FAILED')
  assert.equal((await ping(403, alice)).errcode, 'M_FORBIDDEN')
  assert.equal((await ping(403, as.as(mute.asToken))).errcode, 'M_FORBIDDEN')
  assert.equal((await ping(400, as.as(mute.asToken), path.replace('irc', 'mute'))).errcode, 'M_URL_NOT_SET')
})

test('a ping that is heard brings what has waited', async () => {
  await using service = await startAppservice()
  await using server = await createTestServer({ config: appserviceConfig(service) })
  const alice = await server.user('alice')
  const ghost = await createGhost(server, service, '_irc_a')
  await service.kill()
  const room = await createRoom(alice, { invite: [ghost.userId] })
  await server.context.appservices.drain()
  await service.listen()
  await server.client.as(service.asToken).post('/_matrix/client/v1/appservice/irc/ping')
  await service.until(() => service.events.some(({ room_id }) => room_id === room), 'the invitation')
})

const network = (id: string) => ({ network_id: id, desc: id, fields: { network: id } })
const ircProtocol = (...networks: string[]) => ({
  user_fields: ['network', 'nickname'],
  location_fields: ['network', 'channel'],
  icon: 'mxc://localhost/icon',
  field_types: { nickname: { regexp: '[^\\s]+', placeholder: 'nick' } },
  instances: networks.map(network),
})

test('what services know of other networks is put together, without those that fail', async () => {
  await using one = await startAppservice({ id: 'one', registration: { protocols: ['irc', 'gitter'] } })
  await using two = await startAppservice({ id: 'two', registration: { protocols: ['irc'] } })
  await using odd = await startAppservice({ id: 'odd', registration: { protocols: ['irc', 'odd'] } })
  await using dead = await startAppservice({ id: 'dead', registration: { protocols: ['irc', 'dead'] } })
  await using none = await startAppservice({ id: 'none' })
  await using server = await createTestServer({ config: appserviceConfig(one, two, odd, dead, none) })
  const alice = await server.user('alice')
  const user = (nick: string) => ({ userid: `@${nick}:localhost`, protocol: 'irc', fields: { nickname: nick } })
  const place = { alias: '#a:localhost', protocol: 'irc', fields: { channel: '#a' } }
  const bodies = (answers: Record<string, unknown>): FakeAppservice['answer'] => {
    return ({ path, query }) => {
      const body = answers[`${path.replace('/_matrix/app/v1/thirdparty/', '')}${query.size > 0 ? `?${query}` : ''}`]
      return body === undefined ? { status: 404, body: { errcode: 'ORG.EXAMPLE.NOT_FOUND' } } : { status: 200, body }
    }
  }
  one.answer = bodies({
    'protocol/irc': ircProtocol('libera', 'oftc'),
    'protocol/gitter': { ...ircProtocol(), instances: [] },
    'user/irc?nickname=bob': [user('bob')],
    'user?userid=%40bob%3Alocalhost': [user('bob')],
    'location/irc?channel=%23a': [place],
    'location?alias=%23a%3Alocalhost': [place],
  })
  two.answer = bodies({
    'protocol/irc': ircProtocol('local'),
    'user/irc?nickname=bob': [user('bob2'), { wrong: true }],
  })
  odd.answer = bodies({ 'protocol/irc': { instances: 7 }, 'protocol/odd': [], 'user/irc?nickname=bob': 'text' })
  await dead.kill()
  const base = `${v3}/thirdparty`

  const protocols = await alice.get<Record<string, { instances: JsonObject[] }>>(`${base}/protocols`)
  assert.deepEqual(Object.keys(protocols).sort(), ['gitter', 'irc'])
  assert.deepEqual(
    protocols.irc?.instances.map(({ network_id, instance_id }) => [network_id, instance_id]),
    [
      ['libera', 'one|libera'],
      ['oftc', 'one|oftc'],
      ['local', 'two|local'],
    ],
  )
  const asked = one.requests.length
  assert.deepEqual(await alice.get(`${base}/protocol/irc`), protocols.irc)
  assert.equal(one.requests.length, asked, 'protocols are remembered for a while')
  for (const unknown of ['odd', 'dead', 'nothing']) {
    assert.equal(await errorOf(alice, 'GET', `${base}/protocol/${unknown}`, undefined, 404), 'M_NOT_FOUND')
  }
  const found = await alice.get(`${base}/user/irc`, { nickname: 'bob', access_token: alice.accessToken })
  assert.deepEqual(found, [user('bob'), user('bob2')])
  assert.deepEqual(await alice.get(`${base}/user`, { userid: '@bob:localhost' }), [user('bob')])
  assert.deepEqual(await alice.get(`${base}/location/irc`, { channel: '#a' }), [place])
  assert.deepEqual(await alice.get(`${base}/location`, { alias: '#a:localhost' }), [place])
  assert.equal(await errorOf(alice, 'GET', `${base}/user/irc?nickname=x`, undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', `${base}/location?alias=x`, undefined, 404), 'M_NOT_FOUND')
  assert.equal(await errorOf(alice, 'GET', `${base}/location`, undefined, 400), 'M_MISSING_PARAM')
  assert.equal(
    (await server.client.request('GET', `${base}/protocols`, { expect: 401 })).body.errcode,
    'M_MISSING_TOKEN',
  )
  assert.deepEqual(none.requests, [])
  for (const { path } of one.requests) assert.ok(!path.includes('unstable'))
})

test('services publish rooms for their networks', async () => {
  await using service = await startAppservice({ registration: { protocols: ['irc'] } })
  await using server = await createTestServer({ config: appserviceConfig(service) })
  service.answer = ({ path }) =>
    path.includes('/thirdparty/protocol/') ? { status: 200, body: ircProtocol('libera', 'oftc') } : undefined
  const alice = await server.user('alice')
  const as = server.client.as(service.asToken)
  const own = await createRoom(alice, { visibility: 'public', name: 'Own' })
  const libera = await createRoom(alice, { name: 'Libera' })
  const oftc = await createRoom(alice, { name: 'Oftc' })
  const path = (networkId: string, room: string) =>
    at`/_matrix/client/v3/directory/list/appservice/${networkId}/${room}`
  await as.put(path('libera', libera), { visibility: 'public' })
  await as.put(path('oftc', oftc), { visibility: 'public' })
  await as.put(path('libera', own), { visibility: 'public' })
  const list = async (body: JsonObject) => {
    const { chunk } = await alice.post<{ chunk: { name: string }[] }>(`${v3}/publicRooms`, body)
    return chunk.map(({ name }) => name).sort()
  }
  const { irc } = await alice.get<{ irc: { instances: { instance_id: string }[] } }>(`${v3}/thirdparty/protocols`)
  const [first, second] = irc.instances.map(({ instance_id }) => instance_id)
  assert.deepEqual(await list({}), ['Own'])
  assert.deepEqual(await list({ include_all_networks: true }), ['Libera', 'Oftc', 'Own'])
  assert.deepEqual(await list({ third_party_instance_id: first ?? '' }), ['Libera', 'Own'])
  assert.deepEqual(await list({ third_party_instance_id: second ?? '' }), ['Oftc'])
  assert.deepEqual(await list({ third_party_instance_id: 'unknown' }), [])
  assert.deepEqual(await list({ third_party_instance_id: 'a|%' }), [])
  assert.deepEqual(await list({ include_all_networks: true, filter: { generic_search_term: 'oft' } }), ['Oftc'])
  const both = { third_party_instance_id: first, include_all_networks: true }
  assert.equal(await errorOf(alice, 'POST', `${v3}/publicRooms`, both, 400), 'M_INVALID_PARAM')
  await as.put(path('libera', libera), { visibility: 'private' })
  assert.deepEqual(await list({ third_party_instance_id: first ?? '' }), ['Own'])

  assert.equal(await errorOf(alice, 'PUT', path('libera', libera), { visibility: 'public' }, 403), 'M_FORBIDDEN')
  const unknown = await as.request('PUT', path('x', '!x:y'), { body: { visibility: 'public' }, expect: 404 })
  assert.equal(unknown.body.errcode, 'M_NOT_FOUND')
  await as.request('PUT', path('libera', libera), { body: { visibility: 'maybe' }, expect: 400 })
  await as.request('PUT', path('libera', libera), { body: {}, expect: 400 })
  await send(alice, own, 'end')
})

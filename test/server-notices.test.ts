import assert from 'node:assert/strict'
import { test } from 'node:test'
import { at } from './helpers/client.ts'
import { engines, skipEngine } from './helpers/engines.ts'
import { act, errorOf, getState, join, type SeenEvent, statePath, timeline, v3 } from './helpers/rooms.ts'
import { createTestServer, password, type TestUser } from './helpers/server.ts'

const path = '/_synapse/admin/v1/send_server_notice'
const sender = '@notices:localhost'
const content = (body: string) => ({ msgtype: 'm.server_notice', server_notice_type: 'org.example', body })

const notify = async (admin: TestUser, userId: string, body: string) =>
  (await admin.post<{ event_id: string }>(path, { user_id: userId, content: content(body) })).event_id

interface Synced {
  next_batch: string
  rooms?: {
    invite?: Record<string, { invite_state: { events: SeenEvent[] } }>
    join?: Record<string, { account_data: { events: SeenEvent[] } }>
  }
}
const invitesOf = async (user: TestUser) => Object.keys((await user.get<Synced>(`${v3}/sync`)).rooms?.invite ?? {})

for (const engine of engines) {
  test(`a user gets one room with all notices (${engine})`, { skip: skipEngine(engine) }, async () => {
    await using server = await createTestServer({
      engine,
      config: { server_notices: { room_name: 'From the server', display_name: 'The server' } },
    })
    const [root, alice, bob] = [
      await server.user('root', { admin: true }),
      await server.user('alice'),
      await server.user('bob'),
    ]
    const [first, second] = await Promise.all([
      notify(root, alice.userId, 'Hello'),
      notify(root, alice.userId, 'Hello again'),
      notify(root, bob.userId, 'Hello Bob'),
    ])
    const { rooms } = await alice.get<Synced>(`${v3}/sync`)
    const [roomId = '', ...others] = Object.keys(rooms?.invite ?? {})
    assert.deepEqual(others, [])
    const stripped = rooms?.invite?.[roomId]?.invite_state.events ?? []
    assert.ok(stripped.some(({ type, content }) => type === 'm.room.name' && content.name === 'From the server'))
    await join(alice, roomId)
    const joined = (await alice.get<Synced>(`${v3}/sync`)).rooms?.join?.[roomId]
    const tag = joined?.account_data.events.find(({ type }) => type === 'm.tag')
    assert.deepEqual(tag?.content, { tags: { 'm.server_notice': {} } })
    const third = await notify(root, alice.userId, 'And again')
    const notices = (await timeline(alice, roomId)).filter(({ type }) => type === 'm.room.message')
    assert.deepEqual(new Set(notices.map(({ event_id }) => event_id)), new Set([first, second, third]))
    assert.ok(notices.every((notice) => notice.sender === sender))
    assert.deepEqual(notices.at(-1)?.content, content('And again'))
    assert.equal((await getState(alice, roomId, 'm.room.member', sender)).displayname, 'The server')
    assert.equal((await getState(alice, roomId, 'm.room.create'))['m.federate'], false)
    assert.notDeepEqual(await invitesOf(bob), [roomId])
  })
}

test('the invitation cannot be turned down or blocked; whoever has come may leave, and is asked again', async () => {
  await using server = await createTestServer()
  const [root, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
  await alice.put(at`/_matrix/client/v3/user/${alice.userId}/account_data/m.invite_permission_config`, {
    default_action: 'block',
  })
  await notify(root, alice.userId, '1')
  const [roomId = ''] = await invitesOf(alice)
  const refused = 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM'
  assert.equal((await act(alice, roomId, 'leave', {}, 403)).errcode, refused)
  const member = statePath(roomId, 'm.room.member', alice.userId)
  assert.equal(await errorOf(alice, 'PUT', member, { membership: 'leave' }, 403), refused)
  assert.equal((await act(alice, roomId, 'forget', {}, 400)).errcode, 'M_UNKNOWN')
  await join(alice, roomId)
  await act(alice, roomId, 'leave')
  await act(alice, roomId, 'forget')
  await alice.put(at`/_matrix/client/v3/user/${alice.userId}/rooms/${roomId}/account_data/m.tag`, {
    tags: { 'u.mine': {} },
  })
  await notify(root, alice.userId, '2')
  assert.deepEqual(await invitesOf(alice), [roomId])
  await join(alice, roomId)
  const { tags } = await alice.get(at`/_matrix/client/v3/user/${alice.userId}/rooms/${roomId}/tags`)
  assert.deepEqual(tags, { 'u.mine': {}, 'm.server_notice': {} })
  // An account that is given up leaves this room, too, invited or not.
  await act(alice, roomId, 'leave')
  await notify(root, alice.userId, '3')
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
  await alice.post(`${v3}/account/deactivate`, { auth })
  await server.context.jobs.drain()
  const room = await server.context.db.read(async (reader) => {
    const { reads } = server.context.rooms
    const found = await reads.roomById(reader, roomId)
    return found && reads.membership(reader, found.nid, alice.userId)
  })
  assert.equal(room?.membership, 'leave')
})

test('users read the room and do nothing else in it', async () => {
  await using server = await createTestServer()
  const [root, alice, bob] = [
    await server.user('root', { admin: true }),
    await server.user('alice'),
    await server.user('bob'),
  ]
  for (const version of ['11', '12']) {
    await using other = await createTestServer({ config: { rooms: { default_version: version } } })
    const [admin, user] = [await other.user('root', { admin: true }), await other.user('alice')]
    const carol = await other.user('carol')
    await notify(admin, user.userId, 'Read this')
    const [roomId = ''] = await invitesOf(user)
    await join(user, roomId)
    const room = (action: string) => `${at`/_matrix/client/v3/rooms/${roomId}`}/${action}`
    for (const [method, target, body] of [
      ['PUT', room('send/m.room.message/1'), { msgtype: 'm.text', body: 'why?' }],
      ['PUT', room('send/m.reaction/2'), {}],
      ['PUT', statePath(roomId, 'm.room.name'), { name: 'Mine' }],
      ['POST', room('invite'), { user_id: carol.userId }],
      ['POST', room('kick'), { user_id: sender }],
      ['POST', room('upgrade'), { new_version: '12' }],
    ] as const) {
      assert.equal(await errorOf(user, method, target, body, 403), 'M_FORBIDDEN', `${version} ${target}`)
    }
  }
  await notify(root, alice.userId, 'x')
  assert.deepEqual(await invitesOf(bob), [])
})

test('state, transactions and other types', async () => {
  await using server = await createTestServer()
  const [root, boss, alice] = [
    await server.user('root', { admin: true }),
    await server.user('boss', { admin: true }),
    await server.user('alice'),
  ]
  const put = async (admin: TestUser, txn: string, body: string) =>
    (await admin.put<{ event_id: string }>(`${path}/${txn}`, { user_id: alice.userId, content: content(body) }))
      .event_id
  const first = await put(root, 't1', 'once')
  assert.equal(await put(root, 't1', 'twice'), first)
  assert.notEqual(await put(boss, 't1', 'another'), first)
  const [roomId = ''] = await invitesOf(alice)
  await join(alice, roomId)
  await root.post(path, {
    user_id: alice.userId,
    type: 'm.room.pinned_events',
    state_key: '',
    content: { pinned: [first] },
  })
  assert.deepEqual(await getState(alice, roomId, 'm.room.pinned_events'), { pinned: [first] })
  await root.post(path, { user_id: alice.userId, type: 'org.example.other', content: { a: 1 } })
  const types = (await timeline(alice, roomId)).map(({ type }) => type)
  assert.equal(types.filter((type) => type === 'm.room.message').length, 2)
  assert.equal(types.at(-1), 'org.example.other')
})

test('what is no notice is refused', async () => {
  await using server = await createTestServer()
  const [root, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
  const gone = await server.user('gone')
  await server.context.db.write('deactivate', (tx) => server.context.accounts.users.deactivate(tx, gone.userId, false))
  const notice = { user_id: alice.userId, content: content('x') }
  for (const [body, status, errcode] of [
    [{ ...notice, user_id: '@x:elsewhere.example' }, 400, 'M_UNKNOWN'],
    [{ ...notice, user_id: 'alice' }, 400, 'M_UNKNOWN'],
    [{ ...notice, user_id: sender }, 404, 'M_NOT_FOUND'],
    [{ ...notice, user_id: '@nobody:localhost' }, 404, 'M_NOT_FOUND'],
    [{ ...notice, user_id: gone.userId }, 404, 'M_NOT_FOUND'],
    [{ user_id: alice.userId }, 400, 'M_MISSING_PARAM'],
    [{ content: {} }, 400, 'M_MISSING_PARAM'],
    [{ ...notice, content: 'x' }, 400, 'M_BAD_JSON'],
    [{ ...notice, type: '' }, 400, 'M_BAD_JSON'],
    [{ ...notice, type: 'm.room.create', state_key: '' }, 400, 'M_UNKNOWN'],
    [`{"user_id": "${alice.userId}", "content": {"a": 1.5}}`, 400, 'M_BAD_JSON'],
  ] as const) {
    assert.equal(await errorOf(root, 'POST', path, body, status), errcode, JSON.stringify(body))
  }
  assert.equal(await errorOf(alice, 'POST', path, notice, 403), 'M_FORBIDDEN')
  await server.client.request('POST', path, { body: notice, expect: 401 })
  await notify(root, alice.userId, 'x')
  assert.equal(await errorOf(root, 'POST', path, { ...notice, user_id: sender }, 400), 'M_UNKNOWN')
})

test('the name is kept free, and turned off there are no notices', async () => {
  await using server = await createTestServer()
  await assert.rejects(server.user('notices'), { errcode: 'M_EXCLUSIVE' })
  const available = await server.client.request('GET', `${v3}/register/available`, {
    query: { username: 'notices' },
    expect: 400,
  })
  assert.equal(available.body.errcode, 'M_EXCLUSIVE')
  await using off = await createTestServer({ config: { server_notices: { enabled: false } } })
  const [root, alice] = [await off.user('root', { admin: true }), await off.user('alice')]
  await off.user('notices')
  const body = { user_id: alice.userId, content: content('x') }
  assert.equal(await errorOf(root, 'POST', path, body, 400), 'M_UNKNOWN')
})

test("somebody's account is not taken over for notices", async () => {
  await using server = await createTestServer()
  const { accounts } = server.context
  const [root, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
  await accounts.users.create({ userId: sender as typeof alice.userId, password })
  const body = { user_id: alice.userId, content: content('x') }
  assert.equal(await errorOf(root, 'POST', path, body, 400), 'M_UNKNOWN')
})

test('once its account is given up there are no notices', async () => {
  await using server = await createTestServer()
  const [root, alice] = [await server.user('root', { admin: true }), await server.user('alice')]
  await notify(root, alice.userId, 'x')
  await root.post(at`/_synapse/admin/v1/deactivate/${sender}`)
  const body = { user_id: alice.userId, content: content('x') }
  assert.equal(await errorOf(root, 'POST', path, body, 400), 'M_UNKNOWN')
})

import assert from 'node:assert/strict'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import type { Bridge, WeakEvent } from 'matrix-appservice-bridge'
import { loadBridgeSdk } from '../helpers/bridge-sdk.ts'
import { at } from '../helpers/client.ts'
import { freePort, temporaryFolder } from '../helpers/program.ts'
import { createRoom, join as joinRoom, membershipOf, send, timeline, v3 } from '../helpers/rooms.ts'
import { createTestServer, type TestServer } from '../helpers/server.ts'

const sdk = loadBridgeSdk()
sdk.Logger.configure({ console: 'off' })

interface Running extends AsyncDisposable {
  readonly bridge: Bridge
  readonly server: TestServer
  readonly events: readonly WeakEvent[]
  until(what: string, find: (event: WeakEvent) => boolean): Promise<WeakEvent>
}

/** A server with a bridge to a network of which every nick and every channel that somebody looks for exists. */
async function startBridge(t: TestContext): Promise<Running> {
  const port = await freePort()
  const file = join(temporaryFolder(t), 'registration.yaml')
  const registration = new sdk.AppServiceRegistration(`http://127.0.0.1:${port}`)
  registration.setId(sdk.AppServiceRegistration.generateToken())
  registration.setHomeserverToken(sdk.AppServiceRegistration.generateToken())
  registration.setAppServiceToken(sdk.AppServiceRegistration.generateToken())
  registration.setSenderLocalpart('net_bot')
  registration.setRateLimited(false)
  registration.setProtocols(['net'])
  registration.addRegexPattern('users', '@net_.*', true)
  registration.addRegexPattern('aliases', '#net_.*', true)
  registration.pushEphemeral = true
  registration.outputAsYaml(file)
  const server = await createTestServer({ config: { appservices: { registration_files: [file] } } })
  const events: WeakEvent[] = []
  const waiting = new Set<() => void>()
  const bridge: Bridge = new sdk.Bridge({
    homeserverUrl: server.url,
    domain: 'localhost',
    registration: file,
    disableStores: true,
    suppressEcho: false,
    controller: {
      onEvent: (request) => {
        events.push(request.getData())
        for (const look of [...waiting]) look()
      },
      onUserQuery: (user) => ({ name: `${user.localpart} (net)` }),
      onAliasQuery: (_alias, localpart) => ({
        creationOpts: { room_alias_name: localpart, preset: 'public_chat', name: localpart },
      }),
      thirdPartyLookup: {
        protocols: ['net'],
        getProtocol: () => ({
          user_fields: ['nick'],
          location_fields: ['channel'],
          icon: '',
          field_types: { nick: { regexp: '.+', placeholder: 'nick' }, channel: { regexp: '.+', placeholder: '#x' } },
          instances: [{ network_id: 'net', bot_user_id: '@net_bot:localhost', desc: 'Net', fields: {} } as never],
        }),
        getUser: (protocol, fields) => [{ userid: `@net_${fields.nick}:localhost`, protocol, fields }],
      },
    },
  })
  await bridge.run(port, undefined, '127.0.0.1')
  return {
    bridge,
    server,
    events,
    until: (what, find) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => reject(new Error(`the bridge did not see ${what}`)), 20_000)
        const look = () => {
          const found = events.find(find)
          if (found === undefined) return
          waiting.delete(look)
          clearTimeout(timer)
          resolve(found)
        }
        waiting.add(look)
        look()
      }),
    [Symbol.asyncDispose]: async () => {
      await bridge.close()
      await server.stop()
    },
  }
}

test('matrix-appservice-bridge runs unmodified', async (t) => {
  await using running = await startBridge(t)
  const { bridge, server, until } = running
  const alice = await server.user('alice')
  const bot = bridge.getIntent()
  await bot.ensureRegistered()

  const room = await createRoom(alice, { invite: ['@net_bot:localhost'] })
  await until('its invitation', ({ room_id, state_key }) => room_id === room && state_key === '@net_bot:localhost')
  await bot.join(room)
  const word = await send(alice, room, 'hello net')
  assert.equal((await until('the message', ({ event_id }) => event_id === word)).content.body, 'hello net')

  assert.equal((await alice.get(at`/_matrix/client/v3/profile/${'@net_bob:localhost'}`)).displayname, 'net_bob (net)')
  await alice.post(at`/_matrix/client/v3/rooms/${room}/invite`, { user_id: '@net_bob:localhost' })
  const bob = bridge.getIntent('@net_bob:localhost')
  await bob.setDisplayName('Bob')
  await bob.join(room)
  assert.equal(await membershipOf(alice, room, '@net_bob:localhost'), 'join')
  const { event_id: answer } = await bob.sendText(room, 'hello matrix')
  await until('its own message', ({ event_id }) => event_id === answer)
  const heard = (await timeline(alice, room)).find(({ event_id }) => event_id === answer)
  assert.deepEqual([heard?.sender, heard?.content.body], ['@net_bob:localhost', 'hello matrix'])
  await bob.sendTyping(room, true)
  await bob.sendReadReceipt(room, word)
  assert.equal((await bob.getStateEvent(room, 'm.room.member', '@net_bob:localhost')).displayname, 'Bob')

  const carol = bridge.getIntent('@net_carol:localhost')
  const own = await bot.createRoom({ createAsClient: true, options: { invite: [alice.userId], name: 'From the bot' } })
  assert.equal((await joinRoom(alice, own.room_id)).room_id, own.room_id)
  await carol.sendText(own.room_id, 'the bot invited me')
  assert.equal(await membershipOf(alice, own.room_id, '@net_carol:localhost'), 'join')
  await carol.leave(own.room_id)
  await until(
    'that she left',
    ({ room_id, state_key, content }) =>
      room_id === own.room_id && state_key === '@net_carol:localhost' && content.membership === 'leave',
  )
  await alice.put(at`/_matrix/client/v3/rooms/${room}/redact/${word}/${'r'}`)
  await until('the redaction', ({ type, redacts }) => type === 'm.room.redaction' && redacts === word)
})

test('its answers to questions make rooms and find users', async (t) => {
  await using running = await startBridge(t)
  const { server } = running
  const alice = await server.user('alice')
  const { room_id: room } = await joinRoom(alice, '#net_channel:localhost')
  assert.equal(await membershipOf(alice, String(room), alice.userId), 'join')
  assert.equal(await membershipOf(alice, String(room), '@net_bot:localhost'), 'join')
  const { net } = await alice.get<{ net: { instances: { desc: string }[] } }>(`${v3}/thirdparty/protocols`)
  assert.deepEqual(
    net.instances.map(({ desc }) => desc),
    ['Net'],
  )
  const found = await alice.get<{ userid: string }[] & object>(`${v3}/thirdparty/user/net`, { nick: 'dora' })
  assert.deepEqual(
    found.map(({ userid }) => userid),
    ['@net_dora:localhost'],
  )
})

test('a bridge pings itself through the server', async (t) => {
  await using running = await startBridge(t)
  const { bridge, server } = running
  const alice = await server.user('alice')
  const room = await createRoom(alice, { invite: ['@net_bot:localhost'] })
  await bridge.getIntent().join(room)
  assert.ok((await bridge.pingAppserviceRoute(room, 20_000)) >= 0)
})

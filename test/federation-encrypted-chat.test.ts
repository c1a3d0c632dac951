import { test } from 'node:test'
import { createNetwork } from './helpers/federation/network.ts'
import { encryptedChat } from './helpers/federation/scenarios/encryption.ts'
import { withoutOpenssl } from './helpers/federation/test-authority.ts'

test('an encrypted chat between two servers', { skip: withoutOpenssl, timeout: 180_000 }, async () => {
  await using network = await createNetwork(2)
  const [one, two] = network.servers
  if (!one || !two) throw new Error('no servers')
  const host = { user: await one.user('alice'), login: () => one.login('alice') }
  const guest = { user: await two.user('bob'), login: () => two.login('bob') }
  await encryptedChat(host, guest)
})

import { after, before, test } from 'node:test'
import { createNetwork, type Network } from '../helpers/federation/network.ts'
import { type EncryptedSide, encryptedChat } from '../helpers/federation/scenarios/encryption.ts'
import { type Synapse, startSynapse, withoutSynapse } from './synapse.ts'

const options = { skip: withoutSynapse, timeout: 180_000 }
let synapse: Synapse
let network: Network
let people = 0

before(async () => {
  if (withoutSynapse) return
  synapse = await startSynapse()
  network = await createNetwork(1)
})
after(async () => {
  await network?.[Symbol.asyncDispose]()
  await synapse?.stop()
})

async function sides(): Promise<{ ours: EncryptedSide; theirs: EncryptedSide }> {
  people += 1
  const [server] = network.servers
  if (server === undefined) throw new Error('no server')
  const name = `person${people}`
  return {
    ours: { user: await server.user(name), login: () => server.login(name) },
    theirs: { user: await synapse.register(name), login: () => synapse.login(name) },
  }
}

test('an encrypted chat that somebody of ours starts', options, async () => {
  const { ours, theirs } = await sides()
  await encryptedChat(ours, theirs)
})

test('an encrypted chat that somebody on Synapse starts', options, async () => {
  const { ours, theirs } = await sides()
  await encryptedChat(theirs, ours)
})

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type ClientPage, startCallBrowser } from '../browser/client-page.ts'
import { elementCallMissing } from '../browser/element-call-files.ts'
import { chromiumMissing } from '../helpers/chromium.ts'
import { livekitKey } from '../helpers/livekit.ts'
import { livekitServerMissing, startLivekitServer } from '../helpers/livekit-server.ts'
import { freePort } from '../helpers/program.ts'
import { allState, createRoom, join } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

test('Element Call holds a call of two people', {
  skip: chromiumMissing || livekitServerMissing || elementCallMissing,
  timeout: 150_000,
}, async () => {
  const port = await freePort()
  const config = { voip: { livekit: { url: `ws://127.0.0.1:${port}`, ...livekitKey } } }
  await using server = await createTestServer({ config })
  await using _livekit = await startLivekitServer({ port, webhookUrl: `${server.url}/livekit/jwt/sfu_webhook` })
  await using chromium = await startCallBrowser()
  const users = [await server.user('alice'), await server.user('bob')] as const
  const invite = users.slice(1).map(({ userId }) => userId)
  const roomId = await createRoom(users[0], { preset: 'trusted_private_chat', is_direct: true, invite })
  await join(users[1], roomId)
  const [alice, bob] = await Promise.all([chromium.open(users[0]), chromium.open(users[1])])
  await alice.call('openElementCall', roomId, 'start_call_dm')
  await bob.call('rung', roomId)
  await bob.call('openElementCall', roomId, 'join_existing_dm')
  await Promise.all([alice, bob].map(({ call }) => call('sessionHolds', roomId, [users[0].userId, users[1].userId])))
  await Promise.all([alice, bob].map(seesBoth))
  const inCall = alice.page.frameLocator('iframe')
  await inCall.getByRole('button', { name: 'Reactions' }).click()
  await inCall.getByRole('button').filter({ hasText: '👍' }).first().click({ timeout: 10_000 })
  const { emoji, target } = await bob.call('reaction', roomId)
  const members = (await allState(users[0], roomId)).filter(({ type }) => type === 'org.matrix.msc3401.call.member')
  assert.deepEqual(members.map(({ sender }) => sender).sort(), [users[0].userId, users[1].userId])
  assert.equal(emoji, '👍')
  assert.equal(target, members.find(({ sender }) => sender === users[0].userId)?.event_id)
  await inCall.getByRole('button', { name: 'End call' }).click()
  await Promise.all([alice, bob].map(({ call }) => call('sessionHolds', roomId, [])))
  const [call] = (await users[1].get<{ calls: Record<string, unknown>[] }>('/_ringback/v1/calls')).calls
  assert.deepEqual([call?.outcome, call?.peer], ['answered', users[0].userId])
})

/** Both the own picture and that of the other one move. */
async function seesBoth({ page }: ClientPage): Promise<void> {
  const playing =
    "[...frames[0].document.querySelectorAll('video')].filter((one) => one.videoWidth > 0 && one.currentTime > 1)"
  await page.waitForFunction(`${playing}.length >= 2`, undefined, { polling: 200, timeout: 100_000 })
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { EventType, MsgType, NotificationCountType, PushRuleKind, RelationType } from 'matrix-js-sdk'
import { createSdkClient, startSync, until } from '../helpers/js-sdk.ts'
import { publicRoom } from '../helpers/rooms.ts'
import { createTestServer } from '../helpers/server.ts'

test('matrix-js-sdk: threads, reactions, edits, unread counts and push rules as Element uses them', {
  timeout: 120_000,
}, async (t) => {
  const server = await createTestServer()
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const roomId = await publicRoom(alice, [bob], { name: 'Beans' })
  const [a, b] = [await createSdkClient(alice), await createSdkClient(bob)]
  t.after(async () => {
    a.stopClient()
    b.stopClient()
    await server.stop()
  })
  await startSync(a, { threadSupport: true })
  await startSync(b, { threadSupport: true })
  const roomOf = (client: typeof a) => client.getRoom(roomId) ?? assert.fail('the room is not synced')

  const { event_id: root } = await a.sendTextMessage(roomId, 'shall we plant beans?')
  const { event_id: reply } = await b.sendMessage(roomId, root, {
    msgtype: MsgType.Text,
    body: 'in May, @alice',
    'm.mentions': { user_ids: [alice.userId] },
  })
  const thread = await until(a, 'the thread', () => {
    const found = roomOf(a).getThread(root) ?? undefined
    return found?.replyToEvent?.getId() === reply ? found : undefined
  })
  assert.equal(thread.length, 1)
  const unread = await until(a, 'the count of the thread', () => {
    const count = roomOf(a).getThreadUnreadNotificationCount(root, NotificationCountType.Highlight)
    return count > 0 ? count : undefined
  })
  assert.equal(unread, 1)

  const { event_id: reaction } = await a.sendEvent(roomId, EventType.Reaction, {
    'm.relates_to': { rel_type: RelationType.Annotation, event_id: reply, key: '👍' },
  })
  const { event_id: edit } = await b.sendMessage(roomId, {
    msgtype: MsgType.Text,
    body: '* in June',
    'm.new_content': { msgtype: MsgType.Text, body: 'in June' },
    'm.relates_to': { rel_type: RelationType.Replace, event_id: reply },
  })
  const related = await a.relations(roomId, reply, RelationType.Annotation, EventType.Reaction)
  assert.deepEqual(
    related.events.map((event) => event.getId()),
    [reaction],
  )
  const edited = await a.relations(roomId, reply, RelationType.Replace, EventType.RoomMessage)
  assert.deepEqual([edited.events[0]?.getId(), edited.originalEvent?.getId()], [edit, reply])
  const listed = await a.createThreadListMessagesRequest(roomId, null)
  assert.deepEqual(
    listed.chunk.map(({ event_id: id }) => id),
    [root],
  )

  const last = await until(a, 'the reply', () => roomOf(a).findEventById(reply))
  await a.sendReadReceipt(last)
  await until(a, 'the thread read', () =>
    roomOf(a).getThreadUnreadNotificationCount(root, NotificationCountType.Total) === 0 ? true : undefined,
  )

  await a.addPushRule('global', PushRuleKind.ContentSpecific, 'harvest', { actions: [], pattern: 'harvest' })
  await a.setPushRuleEnabled('global', PushRuleKind.ContentSpecific, 'harvest', false)
  const rules = await until(a, 'the rule by sync', () => {
    const rule = a.pushRules?.global.content?.find(({ rule_id: id }) => id === 'harvest')
    return rule?.enabled === false ? rule : undefined
  })
  assert.deepEqual([rules.pattern, rules.default], ['harvest', false])
  await a.deletePushRule('global', PushRuleKind.ContentSpecific, 'harvest')
  assert.equal(
    (await a.getPushRules()).global.content?.some(({ rule_id: id }) => id === 'harvest'),
    false,
  )
})

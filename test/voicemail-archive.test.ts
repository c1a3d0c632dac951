import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { startProgram, temporaryFolder } from './helpers/program.ts'
import type { TestUser } from './helpers/server.ts'
import { callInVain, createCallingServer, directChat, leaveInConversation } from './helpers/voicemail.ts'
import { readZip } from './helpers/zip.ts'

const linesOf = (files: Map<string, Buffer>, name: string) =>
  String(files.get(name))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))

function requireSums(files: Map<string, Buffer>): void {
  const sums = [...files].flatMap(([name, bytes]) =>
    name === 'SHA256SUMS' ? [] : `${createHash('sha256').update(bytes).digest('hex')}  ${name}`,
  )
  assert.deepEqual(String(files.get('SHA256SUMS')).trimEnd().split('\n').sort(), sums.sort())
}

test('notes are handed over with their recordings, and what was deleted is told', async (t) => {
  const folder = temporaryFolder(t)
  const dataDir = join(folder, 'data')
  const server = await createCallingServer({ dataDir })
  t.after(() => server.stop())
  const admin = await server.user('admin', { admin: true })
  const [alice, bob, carol] = [await server.user('alice'), await server.user('bob'), await server.user('carol')]
  const exported = async (user: TestUser, query: Record<string, string> = {}) => {
    const url = `${server.url}/_ringback/admin/v1/voicemail/export?${new URLSearchParams(query)}`
    const response = await fetch(url, { headers: { Authorization: `Bearer ${user.accessToken}` } })
    return { response, bytes: Buffer.from(await response.arrayBuffer()) }
  }

  const chat = await directChat(alice, bob)
  await callInVain(server, alice, bob, chat)
  await leaveInConversation(alice, chat, { bytes: 'first', caption: 'Call me back' })
  const between = server.clock.now() + 60_000
  server.clock.advance(200_000)
  const other = await directChat(carol, bob)
  await callInVain(server, carol, bob, other)
  const { eventId } = await leaveInConversation(carol, other, { bytes: 'second' })
  await server.context.drain()

  assert.equal((await exported(bob)).response.status, 403)
  const { response, bytes } = await exported(admin)
  assert.equal(response.headers.get('content-type'), 'application/zip')
  assert.match(response.headers.get('content-disposition') ?? '', /^attachment; filename="notes-\d{4}-\d\d-\d\d\.zip"$/)
  const files = readZip(bytes)
  requireSums(files)
  const [first, second, ...more] = linesOf(files, 'notes.jsonl')
  assert.deepEqual(more, [])
  assert.deepEqual([first.sender, first.receiver, first.caption], [alice.userId, bob.userId, 'Call me back'])
  assert.equal(String(files.get(first.media.name)), 'first')
  assert.deepEqual([second.event_id, second.event.sender], [eventId, carol.userId])
  assert.equal(String(files.get(second.media.name)), 'second')
  assert.ok(files.has('audit.jsonl'))

  const ofAlice = readZip((await exported(admin, { user_id: alice.userId })).bytes)
  assert.deepEqual(
    linesOf(ofAlice, 'notes.jsonl').map(({ note_id }) => note_id),
    [first.note_id],
  )
  const later = readZip((await exported(admin, { since_ts: String(between) })).bytes)
  assert.deepEqual(
    linesOf(later, 'notes.jsonl').map(({ note_id }) => note_id),
    [second.note_id],
  )
  const ofNobody = readZip((await exported(admin, { room_id: '!nowhere:localhost' })).bytes)
  assert.deepEqual(linesOf(ofNobody, 'notes.jsonl'), [])
  requireSums(ofNobody)

  const place = String(first.mxc).slice('mxc://'.length)
  await admin.delete(`/_synapse/admin/v1/media/${place}`)
  await server.context.drain()
  const afterwards = readZip((await exported(admin)).bytes)
  assert.equal(linesOf(afterwards, 'notes.jsonl')[0].media, null)
  requireSums(afterwards)

  const out = join(folder, 'notes.zip')
  const env = { RINGBACK__DATA_DIR: dataDir }
  const run = (...args: string[]) => startProgram(['export', 'notes', ...args], { env }).ended
  assert.equal((await run('--out', out)).code, 1, 'the server runs')
  await server.stop()
  assert.equal((await run()).code, 2)
  assert.equal((await run('--out', out, '--since', 'yesterday')).code, 2)
  const { code, stderr } = await run('--out', out, '--user', carol.userId)
  assert.deepEqual([code, stderr], [0, ''])
  const written = readZip(readFileSync(out))
  requireSums(written)
  assert.deepEqual(
    linesOf(written, 'notes.jsonl').map(({ note_id }) => note_id),
    [second.note_id],
  )
})

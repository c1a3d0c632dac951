import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createTestClock } from '../src/util/clock.ts'
import { testOnEngines } from './helpers/engines.ts'
import { download, placeOf, upload } from './helpers/media.ts'
import { createTestServer, password } from './helpers/server.ts'

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')

testOnEngines('the log keeps what was deleted, for whom and why, and what is counted stays', async (_t, { engine }) => {
  const clock = createTestClock()
  await using server = await createTestServer({ engine, clock })
  const [alice, bob] = [await server.user('alice'), await server.user('bob')]
  const first = await upload(alice, 'first', { type: 'text/plain', name: 'a.txt' })
  const second = await upload(alice, 'second')
  const kept = await upload(bob, 'first')
  await alice.post('/_matrix/media/v1/create')
  clock.advance(1000)
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password }
  await alice.post('/_matrix/client/v3/account/deactivate', { auth, erase: true })
  await server.context.jobs.drain()
  assert.equal((await download(bob, first)).status, 404)
  assert.equal((await download(bob, kept)).status, 200)
  const { entries, totals } = await server.context.db.read(async (reader) => ({
    entries: await reader.qb.selectFrom('media_deletions').selectAll().orderBy('deletion_nid').execute(),
    totals: await reader.qb.selectFrom('media_deletion_totals').selectAll().execute(),
  }))
  const shared = {
    deleted_ts: clock.now(),
    reason: 'the account was erased',
    requested_by: null,
    origin: 'localhost',
    kind: 'local',
    uploader: alice.userId,
    created_ts: clock.now() - 1000,
  }
  assert.deepEqual(
    entries.map(({ deletion_nid: _, ...entry }) => entry),
    [
      {
        ...shared,
        media_id: placeOf(first).split('/')[1],
        content_type: 'text/plain',
        size: 5,
        sha256: sha256('first'),
      },
      {
        ...shared,
        media_id: placeOf(second).split('/')[1],
        content_type: 'application/octet-stream',
        size: 6,
        sha256: sha256('second'),
      },
    ],
  )
  assert.deepEqual(totals, [{ kind: 'local', reason: 'the account was erased', files: 2, bytes: 11 }])
})

import assert from 'node:assert/strict'
import { createLinks } from '../src/bots/voicemail/recorder/links.ts'
import { createSending } from '../src/bots/voicemail/recorder/sending.ts'
import type { FinishedNote, SentNote } from '../src/bots/voicemail/recorder/types.ts'
import type { Database } from '../src/db/database.ts'
import { createJobs } from '../src/jobs/jobs.ts'
import { errors } from '../src/matrix/errors.ts'
import type { EventId, RoomId, UserId } from '../src/matrix/ids.ts'
import { formatMxc, type MediaRef, parseMxc } from '../src/matrix/mxc.ts'
import { createTestClock } from '../src/util/clock.ts'
import { silentLog } from '../src/util/log.ts'
import { testOnDatabases } from './helpers/engines.ts'

const caller = '@alice:here' as UserId
const roomId = '!room:here' as RoomId
const sent: SentNote = { eventId: '$note' as EventId, roomId }
const minute = 60_000

/** Links, and what sends their notes; whoever delivers is played by `deliver`. */
function setUp(db: Database) {
  const clock = createTestClock()
  const links = createLinks({ clock, maxLengthMs: 30_000 })
  const delivered: FinishedNote[] = []
  const discarded: string[] = []
  const world = { deliver: async (_note: FinishedNote): Promise<SentNote> => sent }
  const open = () => {
    const jobs = createJobs({ db, clock, log: silentLog })
    const sending = createSending({
      db,
      clock,
      log: silentLog,
      jobs,
      media: { discard: async (_tx, refs) => void discarded.push(...refs.map(formatMxc)) },
      deliver: (note) => {
        delivered.push(note)
        return world.deliver(note)
      },
    })
    return { jobs, sending }
  }
  const make = (promptId = 'p1') =>
    db.write('make', (tx) =>
      links.create(tx, {
        userId: caller,
        callId: 'c1',
        roomId,
        promptId,
        kind: 'voice',
        peerName: 'Bob',
        expiresTs: clock.now() + 10 * minute,
      }),
    )
  const find = (token: string) => db.read((reader) => links.find(reader, token))
  const noteFor = async (token: string): Promise<FinishedNote> => {
    const link = await find(token)
    assert.ok(link)
    const { noteId, callId } = link
    return { noteId, callId, roomId, caller, kind: 'voice', mxc: 'mxc://here/n', content: {}, durationMs: 5000 }
  }
  /** Also what is due later. */
  const drain = async (jobs: ReturnType<typeof open>['jobs']) => {
    clock.advance(5_000)
    await jobs.drain()
  }
  return { drain, clock, links, delivered, discarded, world, open, ...open(), make, find, noteFor }
}

const here = parseMxc('mxc://here/poster') as MediaRef
const forbidden = { errcode: 'M_FORBIDDEN', status: 403 }

testOnDatabases('a link works until it is used, revoked, or its time is over', async (db) => {
  const { clock, links, make, find, noteFor, sending } = setUp(db)
  const used = await make()
  assert.match(used, /^[\w-]{43}$/)
  const rows = await db.read((reader) => reader.qb.selectFrom('voicemail_links').selectAll().execute())
  assert.ok(!JSON.stringify(rows).includes(used), 'the token is not kept')
  assert.equal((await find(used))?.maxLengthMs, 30_000)
  assert.equal(await find(`${used}x`), undefined)
  const note = await noteFor(used)
  await db.write('keep', (tx) => sending.keep(tx, note))
  assert.equal((await find(used))?.state, 'ready')
  assert.deepEqual(await sending.send(note.noteId), { ...sent, durationMs: 5000 })
  assert.equal(await find(used), undefined)

  const revoked = await make('p2')
  await db.write('revoke', (tx) => links.revoke(tx, 'p2'))
  assert.equal(await find(revoked), undefined)
  const orphan = await make('p3')
  await db.write('deactivate', (tx) => links.userDeactivated(tx, { userId: caller }))
  assert.equal(await find(orphan), undefined)
  const late = await make('p4')
  clock.advance(10 * minute - 1)
  assert.ok(await find(late))
  clock.advance(1)
  assert.equal(await find(late), undefined)
})

testOnDatabases('two notes for one link: one is sent', async (db) => {
  const { jobs, drain, delivered, make, noteFor, sending } = setUp(db)
  const note = await noteFor(await make())
  const keep = () => db.write('keep', (tx) => sending.keep(tx, note))
  const [first, second] = await Promise.allSettled([keep(), keep()])
  assert.equal(first.status, 'fulfilled')
  assert.equal(second.status, 'rejected')
  // The request, a repetition of it, and the job all send.
  await Promise.all([sending.send(note.noteId), sending.send(note.noteId), drain(jobs)])
  assert.equal(delivered.length, 1)
  await assert.rejects(keep(), forbidden)
  const sibling = await noteFor(await make())
  await assert.rejects(
    db.write('keep', (tx) => sending.keep(tx, sibling)),
    forbidden,
    'another link of the prompt',
  )
})

testOnDatabases('a server that ends between the upload and the sending sends once it is back', async (db) => {
  const { drain, delivered, make, find, noteFor, sending, open } = setUp(db)
  const token = await make()
  const note = await noteFor(token)
  await db.write('keep', (tx) => sending.keep(tx, note))
  const again = open()
  await drain(again.jobs)
  assert.deepEqual(delivered, [note])
  assert.equal(await find(token), undefined)
  await drain(open().jobs)
  assert.equal(delivered.length, 1)
})

testOnDatabases('what cannot be delivered now is tried again, what never can gives the link back', async (db) => {
  const { clock, jobs, drain, world, delivered, discarded, make, find, noteFor, sending } = setUp(db)
  const token = await make()
  const note = await noteFor(token)
  world.deliver = () => Promise.reject(new Error('the disk is full'))
  await db.write('keep', async (tx) => {
    await sending.made(tx, note.noteId, here)
    await sending.keep(tx, note)
  })
  await assert.rejects(sending.send(note.noteId), /disk is full/)
  await drain(jobs)
  assert.deepEqual(discarded, [])
  world.deliver = () => Promise.reject(errors.forbidden('you have left the room'))
  clock.advance(minute)
  await jobs.drain()
  assert.deepEqual(discarded, ['mxc://here/poster'])
  assert.equal((await find(token))?.state, 'open')
  assert.equal(await sending.send(note.noteId), undefined)

  world.deliver = async () => sent
  await db.write('keep', (tx) => sending.keep(tx, note))
  await drain(jobs)
  assert.equal(delivered.length, 4)
  assert.equal(await find(token), undefined)
})

testOnDatabases('nothing is left of links that ended', async (db) => {
  const { clock, jobs, drain, discarded, make, noteFor, sending } = setUp(db)
  const unused = await noteFor(await make())
  await db.write('made', (tx) => sending.made(tx, unused.noteId, here))
  const used = await noteFor(await make('p2'))
  await db.write('keep', async (tx) => {
    await sending.made(tx, used.noteId, parseMxc('mxc://here/sent') as MediaRef)
    await sending.keep(tx, used)
  })
  await drain(jobs)
  const clean = async () => {
    await db.write('clean', (tx) => jobs.enqueue(tx, 'voicemail.clean links', {}))
    await jobs.drain()
    return db.read((reader) => reader.qb.selectFrom('voicemail_links').select('note_id').execute())
  }
  assert.equal((await clean()).length, 2)
  clock.advance(25 * 60 * minute)
  assert.deepEqual(await clean(), [])
  assert.deepEqual(discarded, ['mxc://here/poster'])
})

import assert from 'node:assert/strict'
import fc from 'fast-check'
import type { Database } from '../src/db/database.ts'
import type { JsonObject } from '../src/matrix/event.ts'
import type { DeliveryPolicy } from '../src/media/delivery/policy.ts'
import { testOnDatabases } from './helpers/engines.ts'
import { farServer, LedgerModel, type ModelChoice } from './helpers/ledger-model.ts'
import { farUsers, histories, newest, policies, type Step } from './helpers/ledger-steps.ts'
import { admin, firstMembers, here, Ledger, nameOf, roomCount, users } from './helpers/ledger-under-test.ts'

const isLeftOut = (user: number, but: number) =>
  but === farUsers ? nameOf(users[user] ?? '') === farServer : user === but

function setChoice<K>(choices: Map<K, ModelChoice>, key: K, choice: ModelChoice | undefined): void {
  if (choice) choices.set(key, choice)
  else choices.delete(key)
}

/** Runs one history through the ledger and the model, and compares them after each step. */
async function follow(
  db: Database,
  policy: DeliveryPolicy & { grace: number; maxLifetime: number },
  steps: readonly Step[],
): Promise<void> {
  // What people chose in the history before is none of this one's.
  await db.write('forget', async (tx) => {
    for (const table of ['media_holds', 'media_policies'] as const) await tx.qb.deleteFrom(table).execute()
  })
  const ledger = new Ledger(db, policy)
  const model = new LedgerModel(
    policy,
    Array.from({ length: roomCount }, () => new Set<string>()),
    nameOf,
  )
  const events: { room: number; sender: string; uri: string }[] = []
  const parts = new Map<string, Set<string>>()
  const pick = <T>(list: readonly T[], n: number): T => list[n % list.length] ?? assert.fail()
  for (const room of [0, 1]) {
    for (const user of firstMembers[room] ?? []) {
      ledger.rooms[room]?.add(user)
      model.rooms[room]?.add(user)
    }
  }

  async function send(event: {
    isDeclared?: boolean
    user: string
    room: number
    main: number
    thumbnail?: number
    isNote?: boolean
    replaces?: number
  }) {
    const { user, room, main, thumbnail, isNote = false, isDeclared = false, replaces } = event
    const uri = (n: number) => `mxc://${here}/${ledger.id(n)}`
    const content: JsonObject = {
      url: uri(main),
      ...(thumbnail !== undefined && { info: { thumbnail_url: uri(thumbnail) } }),
      ...(isNote && { 'io.ringback.note': {} }),
      ...(replaces !== undefined && {
        'm.relates_to': { rel_type: 'm.replace', event_id: `$run${ledger.run}e${replaces}` },
      }),
    }
    const number = events.length
    events.push({ room, sender: user, uri: uri(main) })
    if (isDeclared) await ledger.sendEncrypted(room, number, user, uri(main), isNote)
    else await ledger.persist(room, { events: [ledger.event(number, user, content)] })
    model.send({ event: number, room, sender: user, isNote, main, thumbnail, isDeclared })
    if (replaces !== undefined && events[replaces]?.room === room) model.close(replaces, user)
  }

  async function fetch(n: number, user: string, device: string, part: 'whole' | 'front' | 'back'): Promise<void> {
    const media = model.at(n)
    await ledger.fetch(n, user, device, part)
    const isFar = !user.endsWith(here)
    const key = isFar ? `${n} far` : `${n} ${user} ${device}`
    const had = parts.get(key) ?? new Set<string>()
    if (!media.isDeleted && (model.isFollowed(media) || isFar)) parts.set(key, had.add(part))
    if (had.has('whole') || (had.has('front') && had.has('back'))) model.fetch(n, isFar ? farServer : user)
  }

  async function take(current: Step): Promise<void> {
    if (current.do === 'upload') {
      const user = pick(users.slice(0, 3), current.user)
      await ledger.upload(user, `content ${current.content}`)
      model.upload(user, `content ${current.content}`)
    } else if (current.do === 'wait') {
      ledger.clock.advance(current.ms)
      model.wait(current.ms)
    } else if (current.do === 'sweep') await ledger.sweep()
    else if (current.do === 'crash') await ledger.crash()
    else if (current.do === 'server away') {
      ledger.awaySince ??= ledger.clock.now()
      model.awaySince ??= model.now
    } else if (current.do === 'server back' && ledger.awaySince !== undefined) {
      await ledger.serverBack()
      model.serverBack()
    } else if (current.do === 'hold user' || current.do === 'lift user') {
      const user = pick(users.slice(0, 3), current.user)
      const isHeld = current.do === 'hold user'
      if (isHeld !== model.heldUsers.has(user)) await (isHeld ? ledger.holdUser(user) : ledger.liftUser(user))
      if (isHeld) model.heldUsers.add(user)
      else model.heldUsers.delete(user)
    } else if (current.do === 'room policy') {
      const room = current.room % roomCount
      const sender = pick(users, current.user)
      await ledger.roomPolicy(room, sender, current.choice)
      if (sender === admin) setChoice(model.roomChoices, room, current.choice)
    } else if (current.do === 'user policy') {
      const user = pick(users.slice(0, 3), current.user)
      await ledger.userPolicy(user, current.choice)
      setChoice(model.userChoices, user, current.choice)
    } else if (current.do === 'redact' && events.length > 0) {
      const number = current.event % events.length
      const { room, sender } = pick(events, number)
      await ledger.persist(room, { redacted: [ledger.event(number, sender, {})] })
      model.close(number)
    } else if (current.do === 'leave' || current.do === 'join') {
      const [user, room] = [pick(users, current.user), current.room % roomCount]
      if (current.do === 'leave') ledger.rooms[room]?.delete(user)
      else ledger.rooms[room]?.add(user)
      const content = { membership: current.do }
      const change = {
        eventId: '$m',
        status: 0,
        pdu: { type: 'm.room.member', sender: user, state_key: user, content },
      }
      await ledger.persist(room, { currentChanges: [change] })
      if (current.do === 'leave') model.leave(user, room)
      else model.rooms[room]?.add(user)
    }
    if (!('media' in current) || model.media.length === 0) return
    const n = current.media === newest ? model.media.length - 1 : current.media % model.media.length
    const media = model.at(n)
    if (current.do === 'send') {
      const user = current.byUploader ? media.uploader : pick(users, current.user)
      const isDeclared = current.isDeclared && user === media.uploader && !media.isDeleted
      const thumbnail = current.thumbnail === undefined ? undefined : current.thumbnail % model.media.length
      await send({
        user,
        room: current.room % roomCount,
        main: n,
        isNote: current.isNote,
        isDeclared,
        ...(thumbnail !== undefined && !isDeclared && { thumbnail }),
      })
    } else if (current.do === 'edit' && events.length > 0) {
      const replaces = current.event % events.length
      await send({ user: pick(users, current.user), room: pick(events, replaces).room, main: n, replaces })
    } else if (current.do === 'fetch') {
      const user = pick(users, current.user)
      for (const part of current.part === 'halves' ? (['back', 'front'] as const) : [current.part]) {
        await fetch(n, user, `D${current.device}`, part)
      }
    } else if (current.do === 'fetch by all') {
      for (const [i, user] of users.entries()) if (!isLeftOut(i, current.but)) await fetch(n, user, 'D0', 'whole')
    } else if (current.do === 'pin') {
      await ledger.pin(n)
      if (!media.isDeleted) media.isPinned = true
    } else if (current.do === 'hold') {
      const expires = current.ms === undefined ? {} : { expiresTs: ledger.clock.now() + current.ms }
      await ledger.inTx((delivery, tx) => delivery.hold(tx, ledger.nid(n), { kind: 'legal', ...expires }))
      media.holds.push({
        kind: 'legal',
        until: current.ms === undefined ? Number.POSITIVE_INFINITY : model.now + current.ms,
      })
    } else if (current.do === 'lift') {
      await ledger.inTx((delivery, tx) => delivery.release(tx, ledger.nid(n), 'legal'))
      media.holds = []
    }
  }

  async function compare(current: Step): Promise<void> {
    const shown = `${JSON.stringify(current)} of ${JSON.stringify({ policy, steps })}`
    const living = await ledger.living()
    const gone = model.media.flatMap(({ isDeleted }, n) => (living[n] || isDeleted ? [] : [n]))
    const due = new Set(gone.filter((n) => model.isDue(model.at(n))))
    for (const n of gone) {
      assert.ok(due.has(n) || model.isThumbnailOf(model.at(n), due), `media ${n} went too soon, at ${shown}`)
    }
    if (current.do === 'sweep' || current.do === 'crash') {
      for (const [n, media] of model.media.entries())
        assert.ok(!model.isDue(media) || gone.includes(n), `media ${n} should have gone, at ${shown}`)
      for (const [n, media] of model.media.entries()) {
        if (model.isThumbnailOf(media, due)) assert.ok(gone.includes(n), `thumbnail ${n} should have gone, at ${shown}`)
      }
    }
    for (const n of gone) model.at(n).isDeleted = true
    if (current.do !== 'sweep') return
    const kept = new Set(
      model.media.flatMap(({ isDeleted, content }) => (isDeleted ? [] : [`${ledger.run} ${content}`])),
    )
    assert.deepEqual([...ledger.contents.values()].sort(), [...kept].sort(), `bytes at ${shown}`)
  }

  for (const current of [...steps, { do: 'sweep' as const }]) {
    await take(current)
    await ledger.drain()
    await compare(current)
  }
}

testOnDatabases('the ledger deletes what it must and keeps what somebody needs, as a plain model does', async (db) => {
  await fc.assert(
    fc.asyncProperty(policies, histories, (policy, steps) => follow(db, policy, steps)),
    { numRuns: db.engine === 'sqlite' ? 40 : 3 },
  )
})

import type { Reader, Tx } from '../db/database.ts'
import { getMember, type Member, putMember } from './store-members.ts'
import { deleteExceptions, deleteReads, listReads, putRead } from './store-reading.ts'
import { getLastTotals } from './store-totals.ts'
import { isNothing, minus, type Tally } from './tally.ts'
import { classTotalsAt, mainOf, now } from './totals.ts'
import { countAfter, currentUnread, isThread, readUpTo, type Scope } from './unread.ts'

interface Unread {
  readonly room: Tally
  readonly main: Tally
}

/** Marks a scope as read up to a position; what lies behind the present one changes nothing. */
export async function markRead(tx: Tx, roomNid: number, userId: string, scope: Scope, pos: number): Promise<void> {
  const member = await getMember(tx, roomNid, userId)
  if (member === undefined || pos <= member.floor) return
  if (scope === '') await readRoom(tx, member, pos)
  else await readScope(tx, member, scope, pos)
}

async function readRoom(tx: Tx, member: Member, pos: number): Promise<void> {
  let room = await countAfter(tx, member, '', pos)
  const mainAfter = await countAfter(tx, member, 'main', pos)
  const main = member.mainPos > pos ? await countAfter(tx, member, 'main', member.mainPos) : mainAfter
  room = minus(room, minus(mainAfter, main))
  for (const [thread, read] of await listReads(tx, member)) {
    if (read > pos) room = minus(room, await countBetween(tx, member, thread, pos, read))
  }
  await save(tx, { ...member, floor: pos }, { room, main })
}

async function readScope(tx: Tx, member: Member, scope: Scope, pos: number): Promise<void> {
  const before = await readUpTo(tx, member, scope === 'main' ? '' : scope)
  if (pos <= before) return
  const unread = await currentUnread(tx, member)
  if (isThread(scope)) {
    await putRead(tx, member, scope, pos)
    const room = minus(unread.room, await countBetween(tx, member, scope, before, pos))
    await deleteExceptions(tx, member, pos, scope)
    await save(tx, member, { ...unread, room })
    return
  }
  const main = await countAfter(tx, member, 'main', pos)
  const room = minus(unread.room, minus(unread.main, main))
  await deleteExceptions(tx, member, pos, '')
  await save(tx, { ...member, mainPos: pos }, { room, main })
}

async function countBetween(reader: Reader, member: Member, scope: Scope, from: number, to: number): Promise<Tally> {
  return minus(await countAfter(reader, member, scope, from), await countAfter(reader, member, scope, to))
}

/** Writes what is unread as bases of the present totals. Where nothing is, the floor rises to the newest event. */
async function save(tx: Tx, member: Member, unread: Unread): Promise<void> {
  const { roomNid, classNid } = member
  let { floor } = member
  if (isNothing(unread.room)) {
    for (const series of new Set([0, classNid])) {
      const last = await getLastTotals(tx, { roomNid, classNid: series, series: '' }, now)
      floor = Math.max(floor, last?.pos ?? 0, member.mainPos)
    }
  }
  const totals = await classTotalsAt(tx, roomNid, classNid, now)
  await putMember(tx, {
    ...member,
    floor,
    room: minus(totals.all, unread.room),
    main: minus(mainOf(totals), unread.main),
    past: member.past.filter(([, until]) => until > floor),
  })
  await deleteReads(tx, member, floor)
  await deleteExceptions(tx, member, floor)
}

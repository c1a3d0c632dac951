import type { Selectable } from 'kysely'
import type { Reader, Tx } from '../db/database.ts'
import { prepare } from '../db/prepare.ts'
import type { PushSchema } from '../db/schema/push.ts'
import { minus, plus, type Tally } from './tally.ts'

type MemberRow = Selectable<PushSchema['push_members']>

/** Where a joined local user stands in a room; see `push_members`. */
export interface Member {
  readonly roomNid: number
  readonly userId: string
  readonly classNid: number
  /** Earlier classes, oldest first, each with the last position at which it counted. */
  readonly past: readonly PastClass[]
  readonly floor: number
  readonly room: Tally
  readonly mainPos: number
  readonly main: Tally
}

type PastClass = readonly [classNid: number, until: number]

const one = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb.selectFrom('push_members').selectAll().where('room_nid', '=', p.roomNid).where('user_id', '=', p.userId),
)
const upsertRow = prepare((qb, p: Omit<MemberRow, 'has_pusher'>) =>
  qb
    .insertInto('push_members')
    .values({
      room_nid: p.room_nid,
      user_id: p.user_id,
      class_nid: p.class_nid,
      past_classes: p.past_classes,
      floor_pos: p.floor_pos,
      room_notifications: p.room_notifications,
      room_highlights: p.room_highlights,
      main_pos: p.main_pos,
      main_notifications: p.main_notifications,
      main_highlights: p.main_highlights,
    })
    .onConflict((c) =>
      c.columns(['room_nid', 'user_id']).doUpdateSet((eb) => ({
        class_nid: eb.ref('excluded.class_nid'),
        past_classes: eb.ref('excluded.past_classes'),
        floor_pos: eb.ref('excluded.floor_pos'),
        room_notifications: eb.ref('excluded.room_notifications'),
        room_highlights: eb.ref('excluded.room_highlights'),
        main_pos: eb.ref('excluded.main_pos'),
        main_notifications: eb.ref('excluded.main_notifications'),
        main_highlights: eb.ref('excluded.main_highlights'),
      })),
    ),
)

interface OwnEvent {
  roomNid: number
  userId: string
  classNid: number
  pos: number
  mainN: number
  mainH: number
  threadsN: number
  threadsH: number
}

// Where nothing was unread in the threads, everything is read now: the floor rises, and old receipts can be forgotten.
const readMainRow = prepare((qb, p: OwnEvent) =>
  qb
    .updateTable('push_members')
    .set((eb) => ({
      floor_pos: eb
        .case()
        .when(
          eb.and([
            eb(eb('room_notifications', '-', eb.ref('main_notifications')), '=', p.threadsN),
            eb(eb('room_highlights', '-', eb.ref('main_highlights')), '=', p.threadsH),
          ]),
        )
        .then(p.pos)
        .else(eb.ref('floor_pos'))
        .end(),
      room_notifications: eb(eb('room_notifications', '-', eb.ref('main_notifications')), '+', p.mainN),
      room_highlights: eb(eb('room_highlights', '-', eb.ref('main_highlights')), '+', p.mainH),
      main_pos: p.pos,
      main_notifications: p.mainN,
      main_highlights: p.mainH,
    }))
    .where('room_nid', '=', p.roomNid)
    .where('user_id', '=', p.userId)
    .where('class_nid', '=', p.classNid)
    .where('main_pos', '<', p.pos)
    .where('floor_pos', '<', p.pos),
)
const deleteRow = prepare((qb, p: { roomNid: number; userId: string }) =>
  qb.deleteFrom('push_members').where('room_nid', '=', p.roomNid).where('user_id', '=', p.userId),
)

function toMember(row: MemberRow): Member {
  return {
    roomNid: row.room_nid,
    userId: row.user_id,
    classNid: row.class_nid,
    past: row.past_classes === '[]' ? [] : (JSON.parse(row.past_classes) as PastClass[]),
    floor: row.floor_pos,
    room: { n: row.room_notifications, h: row.room_highlights },
    mainPos: row.main_pos,
    main: { n: row.main_notifications, h: row.main_highlights },
  }
}

export async function getMember(reader: Reader, roomNid: number, userId: string): Promise<Member | undefined> {
  const row = await one.first(reader, { roomNid, userId })
  return row && toMember(row)
}

export async function putMember(tx: Tx, member: Member): Promise<void> {
  await upsertRow.run(tx, {
    room_nid: member.roomNid,
    user_id: member.userId,
    class_nid: member.classNid,
    past_classes: JSON.stringify(member.past),
    floor_pos: member.floor,
    room_notifications: member.room.n,
    room_highlights: member.room.h,
    main_pos: member.mainPos,
    main_notifications: member.main.n,
    main_highlights: member.main.h,
  })
}

/**
 * Marks the main timeline as read up to the newest event, given the totals there of the main timeline and of the
 * threads. False where the user has no row in this class, or has read further.
 */
export async function readMain(
  tx: Tx,
  member: { roomNid: number; userId: string; classNid: number },
  at: { pos: number; main: Tally; threads: Tally },
): Promise<boolean> {
  const { changes } = await readMainRow.run(tx, {
    roomNid: member.roomNid,
    userId: member.userId,
    classNid: member.classNid,
    pos: at.pos,
    mainN: at.main.n,
    mainH: at.main.h,
    threadsN: at.threads.n,
    threadsH: at.threads.h,
  })
  return changes > 0
}

/** Adds to what a user has not read: an event that counts differently for this user than for the class. */
export async function addUnread(tx: Tx, member: Member, isInThread: boolean, extra: Tally): Promise<void> {
  const room = minus(member.room, extra)
  await putMember(tx, { ...member, room, main: isInThread ? member.main : minus(member.main, extra) })
}

/** The same the other way round: an event that the user has not read no longer counts what it counted for this user. */
export async function removeUnread(tx: Tx, member: Member, isInThread: boolean, extra: Tally): Promise<void> {
  const room = plus(member.room, extra)
  await putMember(tx, { ...member, room, main: isInThread ? member.main : plus(member.main, extra) })
}

export async function deleteMember(tx: Tx, roomNid: number, userId: string): Promise<boolean> {
  return (await deleteRow.run(tx, { roomNid, userId })).changes > 0
}

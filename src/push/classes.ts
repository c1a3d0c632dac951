import { createHash } from 'node:crypto'
import type { Reader, Tx } from '../db/database.ts'
import { matchesGlob } from '../matrix/glob.ts'
import { type CompiledClass, classText, compileClass, defaultClassText } from './rule-classes.ts'
import { insertRoomClass, listRoomClasses, moveToClass, requireClassNid, retireRoomClass } from './store-classes.ts'
import { getUserRules } from './store-rules.ts'
import { listRoomsOf } from './store-user-rooms.ts'
import { noUserRules, type UserRules } from './user-rules.ts'

export interface RoomClass {
  readonly nid: number
  readonly compiled: CompiledClass
}

/** Which users are judged alike in which rooms. */
export interface Classes {
  /** The class of a user who joins a room, entered there. */
  enter(tx: Tx, userId: string, room: { nid: number; roomId: string }): Promise<number>
  /** A user of this class has left the room. */
  leave(tx: Tx, roomNid: number, classNid: number): Promise<void>
  /** All classes of a room, that of the default rules first. */
  inRoom(reader: Reader, roomNid: number): Promise<RoomClass[]>
  /** Puts a user whose rules or ignored users changed at `pos` into the right classes everywhere. */
  refresh(tx: Tx, userId: string, pos: number): Promise<void>
}

export type IgnoredUsers = (reader: Reader, userId: string) => Promise<Iterable<string>>

const chunk = 500

export function createClasses({ ignoredUsers }: { ignoredUsers: IgnoredUsers }): Classes {
  async function load(reader: Reader, userId: string) {
    const stored = await getUserRules(reader, userId)
    return { rules: stored?.rules ?? noUserRules, ignored: [...(await ignoredUsers(reader, userId))] }
  }

  return {
    enter: async (tx, userId, room) => {
      const { rules, ignored } = await load(tx, userId)
      if (rules === noUserRules && ignored.length === 0) return 0
      const classNid = await nidOf(tx, classText(rules, room.roomId, ignored))
      if (classNid !== 0) await insertRoomClass(tx, room.nid, classNid)
      return classNid
    },
    leave: async (tx, roomNid, classNid) => {
      if (classNid !== 0) await retireRoomClass(tx, [roomNid], classNid)
    },
    inRoom: async (reader, roomNid) => {
      const rows = await listRoomClasses(reader, roomNid)
      return [
        { nid: 0, compiled: compileClass(defaultClassText) },
        ...rows.map(({ class_nid: nid, rules }) => ({ nid, compiled: compileClass(rules) })),
      ]
    },
    refresh: async (tx, userId, pos) => {
      const { rules, ignored } = await load(tx, userId)
      const moves = new Map<string, { from: number; to: number; roomNids: number[] }>()
      const textIn = roomTexts(rules, ignored)
      const nids = new Map<string, number>()
      for (const { room_nid: roomNid, class_nid: from, room_id: roomId } of await listRoomsOf(tx, userId)) {
        const text = textIn(roomId)
        const to = nids.get(text) ?? (await nidOf(tx, text))
        nids.set(text, to)
        if (to === from) continue
        const move = moves.get(`${from}:${to}`) ?? { from, to, roomNids: [] }
        move.roomNids.push(roomNid)
        moves.set(`${from}:${to}`, move)
      }
      for (const { from, to, roomNids } of moves.values()) {
        for (let i = 0; i < roomNids.length; i += chunk) {
          const some = roomNids.slice(i, i + chunk)
          await moveToClass(tx, { userId, from, to, pos, roomNids: some })
          if (from !== 0) await retireRoomClass(tx, some, from)
          if (to !== 0) for (const roomNid of some) await insertRoomClass(tx, roomNid, to)
        }
      }
    },
  }
}

async function nidOf(tx: Tx, text: string): Promise<number> {
  if (text === defaultClassText) return 0
  return requireClassNid(tx, createHash('sha256').update(text).digest('base64url'), text)
}

/** The class text by room: made once for all the rooms that the rules do not name. */
function roomTexts(rules: UserRules, ignored: readonly string[]): (roomId: string) => string {
  const { own } = rules
  const conditions = [...own.override, ...own.underride].flatMap((rule) => rule.conditions ?? [])
  const patterns = conditions
    .flatMap(({ key, pattern, value }) => (key === 'room_id' ? [pattern, value] : []))
    .filter((pattern) => typeof pattern === 'string')
  const named = new Set([...own.room.map((rule) => rule.rule_id), ...patterns].map((id) => id.toLowerCase()))
  const globs = patterns.filter((pattern) => /[*?]/.test(pattern)).map((pattern) => pattern.toLowerCase())
  const elsewhere = classText(rules, '', ignored)
  return (roomId) => {
    const id = roomId.toLowerCase()
    return named.has(id) || globs.some((glob) => matchesGlob(glob, id)) ? classText(rules, roomId, ignored) : elsewhere
  }
}

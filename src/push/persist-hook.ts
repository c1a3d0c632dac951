import type { Reader, Tx } from '../db/database.ts'
import { hasUserIdShape, type UserId } from '../matrix/ids.ts'
import type { RoomReads } from '../rooms/reads.ts'
import { type PersistedBatch, type PersistHook, removedMembers } from '../rooms/types.ts'
import { BatchTotals } from './batch-totals.ts'
import type { Classes } from './classes.ts'
import { isReadBySending, writeExceptions } from './exceptions.ts'
import { createJudge, type Judgement } from './judge.ts'
import { markRead } from './reading.ts'
import { forgetRedacted } from './redactions.ts'
import { insertClassHighlight } from './store-highlights.ts'
import { deleteMember, getMember, putMember, readMain } from './store-members.ts'
import { flagMember } from './store-pushers.ts'
import { deleteExceptions, deleteReads } from './store-reading.ts'
import { mainOf, now } from './totals.ts'

export interface CountingDeps {
  readonly reads: Pick<RoomReads, 'view' | 'threadFollowers' | 'membership'>
  readonly classes: Classes
  isLocalUser(userId: UserId): boolean
  /** Called before a local user is counted for in a room. */
  onJoin(tx: Tx, batch: PersistedBatch, userId: UserId): Promise<void>
}

interface Newcomer {
  readonly userId: UserId
  readonly classNid: number
  readonly pos: number
}

/**
 * Counts the events of a batch for everybody in the room, at a cost that does not grow with the number of members:
 * totals by class, and rows only for those who sent something or are meant in particular.
 */
export function createCountingHook(deps: CountingDeps): PersistHook {
  return async (tx, batch) => {
    const { room } = batch
    await removeLeavers(deps, tx, batch)
    const newcomers = await enterJoiners(deps, tx, batch)
    const classes = await deps.classes.inRoom(tx, room.nid)
    const judge = createJudge(deps, tx, room, classes)
    const totals = new BatchTotals(room.nid)
    const judged: Judgement[] = []
    for (const event of batch.events) {
      if (event.status !== 0 || event.streamPos === undefined || event.streamPos <= 0) continue
      const judgement = await judge(event)
      judged.push(judgement)
      totals.add(judgement.pos, event.threadId, judgement.byClass)
      await writeHighlights(tx, room.nid, judgement)
    }
    for (const newcomer of newcomers) await insertNewcomer(tx, room.nid, newcomer, totals)
    await totals.flush(tx)
    const own = ownEvents(deps, judged)
    for (const judgement of judged) {
      await writeExceptions(deps, tx, room.nid, judgement)
      const { sender } = judgement.event.pdu
      if (own.main.get(sender) !== judgement.pos) continue
      await readOwn(tx, room.nid, judgement, { totals, onlyDefault: classes.length === 1 })
    }
    for (const { userId, threadId, pos } of own.threads.values()) await markRead(tx, room.nid, userId, threadId, pos)
    for (const event of batch.redacted) await forgetRedacted(tx, room.nid, event)
  }
}

/** Notes for which classes an event highlights, so that it is found among what did not. */
async function writeHighlights(tx: Tx, roomNid: number, { byClass, pos, event }: Judgement): Promise<void> {
  const forAll = (byClass.get(0)?.h ?? 0) > 0
  for (const [classNid, { h }] of byClass) {
    if (h > 0 && (classNid === 0 || !forAll)) {
      await insertClassHighlight(tx, { roomNid, classNid, pos, eventNid: event.nid })
    }
  }
}

const isLocal = (deps: CountingDeps, userId: string): userId is UserId =>
  hasUserIdShape(userId) && deps.isLocalUser(userId)

async function removeLeavers(deps: CountingDeps, tx: Tx, batch: PersistedBatch): Promise<void> {
  const leavers = new Set<UserId>()
  for (const { pdu, status } of [...batch.events, ...batch.currentChanges]) {
    const { type, state_key: userId, content } = pdu
    if (type !== 'm.room.member' || userId === undefined || status !== 0 || content.membership === 'join') continue
    if (isLocal(deps, userId)) leavers.add(userId)
  }
  for (const userId of removedMembers(batch.removed)) if (isLocal(deps, userId)) leavers.add(userId)
  for (const userId of leavers) {
    if (await staysIn(deps, tx, batch, userId)) continue
    const member = await getMember(tx, batch.room.nid, userId)
    if (member === undefined) continue
    await deleteMember(tx, batch.room.nid, userId)
    await deleteReads(tx, member, now)
    await deleteExceptions(tx, member, now)
    await deps.classes.leave(tx, batch.room.nid, member.classNid)
  }
}

/** Whether a leave that came was of a branch of the room which does not count. */
async function staysIn(deps: CountingDeps, tx: Tx, batch: PersistedBatch, userId: UserId): Promise<boolean> {
  const isChanged = batch.currentChanges.some(({ pdu }) => pdu.type === 'm.room.member' && pdu.state_key === userId)
  return !isChanged && (await deps.reads.membership(tx, batch.room.nid, userId))?.membership === 'join'
}

async function enterJoiners(deps: CountingDeps, tx: Tx, batch: PersistedBatch): Promise<Newcomer[]> {
  const newcomers: Newcomer[] = []
  const last = batch.events.at(-1)?.streamPos ?? 0
  for (const { pdu, streamPos } of batch.currentChanges) {
    const { type, state_key: userId, content } = pdu
    if (type !== 'm.room.member' || userId === undefined || content.membership !== 'join') continue
    if (!isLocal(deps, userId) || (await getMember(tx, batch.room.nid, userId)) !== undefined) continue
    await deps.onJoin(tx, batch, userId)
    const classNid = await deps.classes.enter(tx, userId, batch.room)
    const isNew = batch.events.some((event) => event.pdu === pdu)
    newcomers.push({ userId, classNid, pos: isNew ? (streamPos ?? last) : last })
  }
  return newcomers
}

/** Counting begins after the join. */
async function insertNewcomer(tx: Tx, roomNid: number, newcomer: Newcomer, totals: BatchTotals): Promise<void> {
  const { userId, classNid, pos } = newcomer
  const before = await totals.at(tx, classNid, pos)
  const bases = { room: before.all, main: mainOf(before) }
  await putMember(tx, { roomNid, userId, classNid, past: [], floor: pos, mainPos: pos, ...bases })
  await flagMember(tx, roomNid, userId)
}

/** The last events by which local users have read the main timeline, by user, and threads. */
function ownEvents(deps: CountingDeps, judged: readonly Judgement[]) {
  const main = new Map<string, number>()
  const threads = new Map<string, { userId: string; threadId: string; pos: number }>()
  for (const judgement of judged) {
    const { pos, event } = judgement
    const { sender: userId } = event.pdu
    if (!isReadBySending(judgement) || !deps.isLocalUser(userId)) continue
    const { threadId } = event
    if (threadId === undefined) main.set(userId, pos)
    else threads.set(`${threadId} ${userId}`, { userId, threadId, pos })
  }
  return { main, threads }
}

async function readOwn(
  tx: Tx,
  roomNid: number,
  { pos, event }: Judgement,
  room: { totals: BatchTotals; onlyDefault: boolean },
): Promise<void> {
  const { sender: userId } = event.pdu
  const classNid = room.onlyDefault ? 0 : await getClass(tx, roomNid, userId)
  if (classNid === undefined) return
  const at = await room.totals.at(tx, classNid, pos)
  await readMain(tx, { roomNid, userId, classNid }, { pos, main: mainOf(at), threads: at.threads })
}

async function getClass(reader: Reader, roomNid: number, userId: string): Promise<number | undefined> {
  return (await getMember(reader, roomNid, userId))?.classNid
}

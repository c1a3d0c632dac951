import type { Database, Reader, Tx } from '../../db/database.ts'
import type { RoomId } from '../../matrix/ids.ts'
import { type Ends, fillUp, listEnds, writeFurtherEnds } from '../ends.ts'
import { resolveEnds } from '../ingest/extremities.ts'
import type { PersistDeps } from '../persist/deps.ts'
import { type CurrentChange, finishBatch } from '../persist/finish-batch.ts'
import { getRoom, updateRoomHead } from '../store-rooms.ts'
import type { Extremity, Room, StateNids } from '../types.ts'
import type { Replay, ReplayDeps, Step } from './replay.ts'
import { completePartialRoom, getCurrentNid, updateStates } from './store-partial.ts'

interface Deps extends PersistDeps, ReplayDeps {
  readonly db: Database
}

interface Gained {
  /** The whole state before our join. */
  readonly whole: StateNids
  /** What of it has been written into the room's current state. */
  readonly prepared: readonly CurrentChange[]
}

/** A transaction holds up all others: so many ms are enough. */
const longestTurn = 15

/** Gives a room its whole states, at once with all that has happened in it until then. */
export function createSwitchOver(deps: Deps) {
  const { db, states, events, streams, resolutions } = deps

  /** Entries that may not stand in the current state as the state says. */
  async function changesTo(reader: Reader, room: Room, replay: Replay, stateNid: number, whole: StateNids) {
    const state = await states.load(reader, stateNid)
    const keys = new Set<number>()
    for (const [key, nid] of state) if (whole.get(key) !== nid) keys.add(key)
    for (const key of whole.keys()) if (!state.has(key)) keys.add(key)
    for (const { event } of replay.results.values()) {
      const { type, state_key: stateKey } = event.pdu
      const key = stateKey === undefined ? undefined : await states.keyNid(reader, type, stateKey)
      if (key !== undefined) keys.add(key)
    }
    const changes: CurrentChange[] = []
    const names = await states.keys(reader, keys)
    for (const [key, { type, stateKey }] of names) {
      const nid = state.get(key)
      const currentNid = await getCurrentNid(reader, { roomNid: room.nid, type, stateKey })
      if (nid === currentNid) continue
      const event = nid === undefined ? undefined : await events.get(reader, nid)
      const before = currentNid === undefined ? undefined : await events.get(reader, currentNid)
      changes.push({ type, stateKey, event, before, streamPos: 0 })
    }
    return changes
  }

  /** The ends of the room, without those that turn out not to belong to it. */
  function endsOf(before: Ends, { results }: Replay): Ends {
    const isLeft = ([nid]: Extremity) => results.get(nid)?.status !== 2
    const ends = fillUp({ cited: before.cited.filter(isLeft), further: before.further.filter(isLeft) })
    if (ends.cited.length > 0) return ends
    const accepted = [...results.values()].filter(({ status, event }) => status === 0 && event.streamPos !== undefined)
    const [last] = accepted.sort((a, b) => (b.event.streamPos ?? 0) - (a.event.streamPos ?? 0))
    return {
      cited: last === undefined ? [] : [[last.event.nid, last.event.eventId, last.event.pdu.depth]],
      further: [],
    }
  }

  async function write(tx: Tx, room: Room, replay: Replay, { whole, prepared }: Gained): Promise<Step> {
    const before = await listEnds(tx, room)
    const ends = endsOf(before, replay)
    const resolved = await resolveEnds(resolutions, tx, room.nid, ends, (nid) => replay.results.get(nid)?.stateNid)
    if (resolved.unresolved !== undefined) return { kind: 'unresolved', stateNids: resolved.unresolved }
    const { stateNid, citedNid } = resolved
    if (stateNid === undefined) return { kind: 'unresolved', stateNids: [] }
    await writeFurtherEnds(tx, room.nid, before, ends)
    // Some of the events may be rejected ones now.
    tx.afterCommit(() => resolutions.forget())
    const changes = await changesTo(tx, room, replay, stateNid, whole)
    for (const { event, ...placed } of replay.results.values()) {
      await updateStates(tx, { nid: event.nid, ...placed })
      events.replaceAfterCommit(tx, { ...event, ...placed })
    }
    const completePos = await streams.allocate(tx, 1)
    const head = { extremities: ends.cited, stateNid, citedNid }
    const now: Room = { ...room, ...head, lastPos: completePos, isPartial: false, completePos }
    await updateRoomHead(tx, room.nid, now)
    await completePartialRoom(tx, room.nid, completePos)
    const replaced = new Set(changes.map(({ type, stateKey }) => `${type}\0${stateKey}`))
    await finishBatch(deps, tx, {
      room: now,
      events: [],
      changes: changes.map((change) => ({ ...change, streamPos: completePos })),
      prepared: prepared.filter(({ type, stateKey }) => !replaced.has(`${type}\0${stateKey}`)),
      outgoing: [],
      redactions: [],
      isCompletion: true,
    })
    return { kind: 'done' }
  }

  return async (roomId: RoomId, replay: Replay, gained: Gained): Promise<void> => {
    for (;;) {
      const result = await db.write('complete a room', async (tx) => {
        const room = await getRoom(tx, roomId)
        if (room?.isPartial !== true) return { step: { kind: 'done' } as Step, room }
        const until = performance.now() + longestTurn
        const step = await replay.step(tx, room, () => performance.now() > until)
        return { step: step.kind === 'done' ? await write(tx, room, replay, gained) : step, room }
      })
      const { step, room } = result
      if (step.kind === 'done') return
      if (step.kind === 'unresolved' && room) await resolutions.compute(db.read, room.rules, step.stateNids)
    }
  }
}

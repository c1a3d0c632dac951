import type { Reader } from '../../db/database.ts'
import type { StreamToken } from '../../matrix/stream-token.ts'
import { createYielder } from '../../util/async.ts'
import type { SentMembers } from '../lazy-members.ts'
import type { SyncPorts } from '../ports.ts'
import type { ConnectionDraft } from './connection.ts'
import type { OpenConnection } from './connections.ts'
import { type ExtensionLook, readExtensions } from './extensions/extensions.ts'
import { joinedAnswer } from './joined-answer.ts'
import { outsideAnswer } from './outside-answer.ts'
import type { PersonalReads } from './personal.ts'
import type { AnswerContext } from './room-context.ts'
import type { FactReads } from './room-facts.ts'
import type { RoomAnswer, SlidingRequest } from './types.ts'
import type { ListedRoom, UserRoomLists, UserRooms } from './user-rooms.ts'
import type { WindowCache } from './window-cache.ts'
import { goneButSent, type WantedRoom, type WindowRequest, type Windows } from './windows.ts'

export interface LookDeps {
  readonly ports: SyncPorts
  readonly sentMembers: SentMembers
  readonly lists: UserRoomLists
  readonly personal: PersonalReads
  readonly facts: FactReads
  readonly windows: WindowCache
}

export interface LookInput {
  readonly request: SlidingRequest
  readonly connection: OpenConnection
  readonly draft: ConnectionDraft
  readonly selection: WindowRequest & { readonly fingerprint: string }
  /** How far an earlier look of the same request has got, or the request itself. */
  readonly from: StreamToken | undefined
}

export interface Look {
  readonly windows: Windows
  /** By room id. */
  readonly rooms: ReadonlyMap<string, RoomAnswer>
  readonly extensions: ExtensionLook
  readonly next: StreamToken
  readonly hasNews: boolean
}

/** Beyond this many rooms with new receipts on the whole server all rooms are looked at. */
const maxWithReceipts = 300

/** Everything that is new for a connection, in one snapshot. Marks in the draft what the client is told. */
export async function look(deps: LookDeps, reader: Reader, input: LookInput): Promise<Look> {
  const { ports } = deps
  const { request, connection, draft, from } = input
  const { userId, deviceId } = request.requester
  const ephemeral = ports.ephemeral.typing.counter()
  const to = await ports.streams.positionIn(reader)
  const since = from === undefined ? undefined : Math.min(from.position, to)
  const rooms = await deps.lists.get(reader, userId, to)
  const personal = await deps.personal.get(reader, userId, to)
  const sources = { userId, rooms, personal, facts: deps.facts, tags: deps.personal.tags }
  const named = { nid: connection.known?.nid, fingerprint: input.selection.fingerprint }
  const windows = await deps.windows.get(reader, named, sources, input.selection, () =>
    goneButSent(rooms, (nid) => draft.sent(nid) !== undefined),
  )
  const context: AnswerContext = {
    ports,
    reader,
    userId,
    audience: { userId, deviceId },
    personal,
    draft,
    members: { sent: deps.sentMembers, name: `${userId}\0${deviceId ?? ''}\0${request.connId}` },
    since,
    acknowledged: connection.since === undefined ? undefined : Math.min(connection.since.position, to),
    to,
  }
  const withReceipts = await roomsWithReceipts(context)
  const changedData = since !== undefined && personal.revision > since
  const withAccountData = new Set(changedData ? await ports.accountData.changedRooms(reader, userId, since) : [])
  const isSettled = !draft.hasChanges && deps.windows.isSettled(named.nid, windows, draft.base)
  const changed = since === undefined ? [] : changedRooms(rooms, since)
  const nids = isSettled && withReceipts ? [...changed.map(({ nid }) => nid), ...withReceipts] : windows.wanted.keys()
  const { answers, behind } = await answerRooms(context, windows, new Set(nids), withReceipts)
  if (since !== undefined) {
    await letFallBehind(context, windows, { since, changed, withReceipts, withAccountData })
  }
  const extensions = await readExtensions(
    {
      ...context,
      wanted: windows.wanted,
      answers,
      behind,
      withReceipts,
      withAccountData,
      ephemeralSince: from?.ephemeral ?? 0,
    },
    request.extensions,
  )
  const byId = new Map([...answers].map(([nid, answer]) => [windows.wanted.get(nid)?.room.roomId ?? '', answer]))
  return {
    windows,
    rooms: byId,
    extensions,
    next: { position: to, ephemeral },
    hasNews: byId.size > 0 || extensions.hasNews,
  }
}

/** Rooms of the whole server with receipts since; undefined: too many to list. */
async function roomsWithReceipts({ ports, reader, since, to }: AnswerContext): Promise<Set<number> | undefined> {
  if (since === undefined) return new Set()
  const nids = await ports.reads.recent.roomsWithReceipts(reader, since, to, maxWithReceipts + 1)
  return nids.length > maxWithReceipts ? undefined : new Set(nids)
}

function changedRooms({ listed, gone }: UserRooms, since: number): ListedRoom[] {
  const newest = (rooms: readonly ListedRoom[]) => {
    const end = rooms.findIndex(({ lastPos }) => lastPos <= since)
    return end < 0 ? rooms : rooms.slice(0, end)
  }
  return [...newest(listed), ...newest(gone)]
}

async function answerRooms(
  context: AnswerContext,
  { wanted }: Windows,
  nids: ReadonlySet<number>,
  withReceipts: ReadonlySet<number> | undefined,
) {
  const { ports, reader, draft, since, to } = context
  const pause = createYielder()
  const answers = new Map<number, RoomAnswer>()
  const behind = new Map<number, number | undefined>()
  for (const nid of nids) {
    const found = wanted.get(nid)
    if (found === undefined) continue
    const sent = draft.sent(nid)
    const roomSince = sent === undefined ? undefined : (sent.sentPos ?? since)
    const hasRead =
      found.room.membership === 'join' && withReceipts?.has(nid) !== false && (await hasOwnReceipt(context, nid))
    if (!hasRead && roomSince === since && !needsLook(context, found)) continue
    const room = await ports.reads.recent.room(reader, nid, to)
    if (room === undefined) continue
    const input = { room, wanted: found, sent, since: roomSince }
    const answer =
      found.room.membership === 'join'
        ? await joinedAnswer(context, input, hasRead)
        : await outsideAnswer(context, input)
    if (answer !== undefined) answers.set(nid, answer)
    if (roomSince !== since || answer?.initial) behind.set(nid, answer?.initial ? undefined : roomSince)
    await pause()
  }
  return { answers, behind }
}

/** Whether a room that the client has up to where it asks may have something for it. */
function needsLook({ draft, personal, since }: AnswerContext, { room, config }: WantedRoom): boolean {
  const sent = draft.sent(room.nid)
  if (sent === undefined || room.lastPos > (since ?? 0) || sent.config !== config.state.digest) return true
  return sent.timelineLimit < config.timelineLimit || sent.isDm !== personal.dms.has(room.roomId)
}

/** Whether the user has read something since, here or on another device: then fewer messages are unread. */
async function hasOwnReceipt({ ports, reader, userId, since }: AnswerContext, roomNid: number): Promise<boolean> {
  if (since === undefined) return false
  const own = await ports.ephemeral.receipts.listOwn(reader, roomNid, userId)
  return own.some(({ streamPos }) => streamPos > since)
}

interface Missed {
  readonly since: number
  readonly changed: readonly ListedRoom[]
  readonly withReceipts: ReadonlySet<number> | undefined
  readonly withAccountData: ReadonlySet<string>
}

/** Remembers of the rooms that this answer does not speak of what the client will lack when they are wanted again. */
async function letFallBehind(
  { ports, reader, draft }: AnswerContext,
  { wanted }: Windows,
  { since, changed, withReceipts, withAccountData }: Missed,
): Promise<void> {
  const nids = new Set([...changed.map(({ nid }) => nid), ...(withReceipts ?? draft.base.rooms.keys())])
  for (const roomId of withAccountData) {
    const room = await ports.reads.roomById(reader, roomId)
    if (room !== undefined) nids.add(room.nid)
  }
  for (const nid of nids) if (!wanted.has(nid)) draft.fallBehind(nid, since)
}

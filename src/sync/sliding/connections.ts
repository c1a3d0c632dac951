import type { Database, Reader, Tx } from '../../db/database.ts'
import type { Requester } from '../../http/endpoint.ts'
import { errors } from '../../matrix/errors.ts'
import type { StreamToken } from '../../matrix/stream-token.ts'
import type { Clock } from '../../util/clock.ts'
import { LruMap } from '../../util/lru.ts'
import { randomInt } from '../../util/random.ts'
import { type ConnectionDraft, type ConnectionState, emptyState } from './connection.ts'
import { parsePos } from './pos.ts'
import { parseSettings, pruneSelectors, serializeSettings } from './settings.ts'
import {
  type ConnectionKey,
  type ConnectionRow,
  deleteConnection,
  getConnection,
  insertConnection,
  listConnectionsOf,
  listUnusedConnections,
  updateConnection,
  updateLastUsed,
} from './store-connections.ts'
import { confirmPendingRooms, deletePendingRooms, insertSentRooms, listSentRooms } from './store-sent-rooms.ts'

/** A connection as a request finds it. */
export interface OpenConnection {
  readonly key: ConnectionKey
  /** Undefined for one that begins. */
  readonly known: { readonly nid: number; readonly seq: number; readonly lastUsed: number } | undefined
  /** How far the client has got; undefined: it begins anew. */
  readonly since: StreamToken | undefined
  readonly state: ConnectionState
}

export interface Connections {
  /** Throws `400 M_UNKNOWN_POS` for a position that is not, or no longer, one of this connection. */
  open(reader: Reader, requester: Requester, connId: string, pos: string | undefined): Promise<OpenConnection>
  /** Writes down what an answer changes. Resolves with the number and state that its position must name. */
  save(
    connection: OpenConnection,
    draft: ConnectionDraft,
  ): Promise<{ connNid: number; seq: number; state: ConnectionState }>
  deviceRemoved(tx: Tx, device: { userId: string; deviceId: string }): Promise<void>
  /** Ends connections that have long not been used. */
  expire(): Promise<void>
}

/** Clients have one for their rooms, one for encryption, and a few for notifications and the like. */
const maxPerDevice = 16
const lifetime = 30 * 24 * 3_600_000
/** How exactly the last use is written down, in ms. */
const touchInterval = 6 * 3_600_000
const expirePage = 100
const maxNid = 2 ** 47

export function createConnections({ db, clock }: { db: Database; clock: Clock }): Connections {
  const states = new LruMap<string, ConnectionState>(500_000, ({ rooms }) => rooms.size + 10)

  async function load(reader: Reader, row: ConnectionRow, seq: number): Promise<ConnectionState> {
    const name = `${row.conn_nid}.${seq}`
    const cached = states.get(name)
    if (cached !== undefined) return cached
    const isPending = seq === row.pending_seq
    const rooms = new Map(await listSentRooms(reader, row.conn_nid, false))
    if (isPending) for (const [nid, room] of await listSentRooms(reader, row.conn_nid, true)) rooms.set(nid, room)
    const settings = parseSettings((isPending ? row.pending_settings : undefined) ?? row.settings)
    const state = { rooms, settings }
    states.set(name, state)
    return state
  }

  async function open(
    reader: Reader,
    { userId, deviceId = '' }: { userId: string; deviceId?: string | undefined },
    connId: string,
    text: string | undefined,
  ): Promise<OpenConnection> {
    const key = { userId, deviceId, connId }
    if (text === undefined) return { key, known: undefined, since: undefined, state: emptyState }
    const pos = parsePos(text)
    const row = pos && (await getConnection(reader, pos.connNid))
    if (pos === undefined || row === undefined || !isOf(row, key) || !isCurrent(row, pos.seq)) throw errors.unknownPos()
    return {
      key,
      known: { nid: row.conn_nid, seq: pos.seq, lastUsed: row.last_used_ts },
      since: pos.token,
      state: await load(reader, row, pos.seq),
    }
  }

  async function create(tx: Tx, key: ConnectionKey, state: ConnectionState): Promise<number> {
    const others = await listConnectionsOf(tx, key.userId, key.deviceId)
    const kept = others.filter(({ conn_id: id }) => id !== key.connId).slice(0, maxPerDevice - 1)
    for (const { conn_nid: nid } of others)
      if (!kept.some((row) => row.conn_nid === nid)) await deleteConnection(tx, nid)
    const nid = randomInt(1, maxNid)
    await insertConnection(tx, key, { nid, seq: 1, settings: serializeSettings(state.settings), ts: clock.now() })
    await insertSentRooms(tx, nid, false, state.rooms)
    return nid
  }

  async function advance(tx: Tx, nid: number, from: number, draft: ConnectionDraft, state: ConnectionState) {
    const row = await getConnection(tx, nid)
    if (row === undefined || !isCurrent(row, from)) throw errors.unknownPos()
    const isConfirmed = row.pending_seq === from
    if (isConfirmed) await confirmPendingRooms(tx, nid)
    else await deletePendingRooms(tx, nid)
    const seq = Math.max(row.seq, row.pending_seq ?? 0) + 1
    await insertSentRooms(tx, nid, true, draft.changedRooms)
    await updateConnection(tx, nid, {
      seq: from,
      settings: (isConfirmed ? row.pending_settings : undefined) ?? row.settings,
      pending_seq: seq,
      pending_settings: serializeSettings(state.settings),
      last_used_ts: clock.now(),
    })
    return seq
  }

  return {
    open,
    save: async ({ key, known }, draft) => {
      if (known !== undefined && !draft.hasChanges) {
        if (clock.now() - known.lastUsed > touchInterval) {
          await db.write('sliding sync', (tx) => updateLastUsed(tx, known.nid, clock.now()))
        }
        return { connNid: known.nid, seq: known.seq, state: draft.base }
      }
      const state = pruneSelectors(draft.finish())
      const saved = await db.write('sliding sync', async (tx) =>
        known === undefined
          ? { connNid: await create(tx, key, state), seq: 1 }
          : { connNid: known.nid, seq: await advance(tx, known.nid, known.seq, draft, state) },
      )
      states.set(`${saved.connNid}.${saved.seq}`, state)
      return { ...saved, state }
    },
    deviceRemoved: async (tx, { userId, deviceId }) => {
      for (const { conn_nid: nid } of await listConnectionsOf(tx, userId, deviceId)) await deleteConnection(tx, nid)
    },
    expire: async () => {
      for (;;) {
        const page = await db.read((reader) => listUnusedConnections(reader, clock.now() - lifetime, expirePage))
        await db.write('sliding sync', async (tx) => {
          for (const nid of page) await deleteConnection(tx, nid)
        })
        if (page.length < expirePage) return
      }
    },
  }
}

const isOf = (row: ConnectionRow, { userId, deviceId, connId }: ConnectionKey): boolean =>
  row.user_id === userId && row.device_id === deviceId && row.conn_id === connId

const isCurrent = (row: ConnectionRow, seq: number): boolean => seq === row.seq || seq === row.pending_seq

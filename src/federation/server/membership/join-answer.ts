import { Readable } from 'node:stream'
import type { Database, Reader } from '../../../db/database.ts'
import { hasUserIdShape, type ServerName, serverOf } from '../../../matrix/ids.ts'
import { membershipOf } from '../../../matrix/member-content.ts'
import type { Rooms } from '../../../rooms/rooms.ts'
import type { StoredEvent } from '../../../rooms/types.ts'
import { createYielder } from '../../../util/async.ts'

interface Deps {
  readonly db: Database
  readonly rooms: Pick<Rooms, 'reads' | 'history'>
  readonly serverName: ServerName
}

interface Parts {
  readonly state: readonly StoredEvent[]
  readonly chain: readonly StoredEvent[]
  readonly servers: readonly string[]
  readonly isPart: boolean
}

const pageSize = 200
/** Members by whom clients name a room that has no name. */
const heroCount = 5

/**
 * What a server gets that has joined a room through this one: the state before its join and what authorises that. It is
 * written out piece by piece, since large rooms make many megabytes of it.
 * https://spec.matrix.org/v1.19/server-server-api/#put_matrixfederationv2send_joinroomideventid
 */
export function createJoinAnswer({ db, rooms, serverName }: Deps) {
  const { reads, history } = rooms

  /** Reading ten thousand events at once would hold up everybody else. */
  async function loadEvents(reader: Reader, nids: readonly number[]): Promise<StoredEvent[]> {
    const pause = createYielder()
    const events: StoredEvent[] = []
    for (let i = 0; i < nids.length; i += pageSize) {
      await pause()
      for (const event of (await reads.events(reader, nids.slice(i, i + pageSize))).values()) events.push(event)
    }
    return events
  }

  async function load(reader: Reader, join: StoredEvent, omitMembers: boolean): Promise<Parts> {
    const nids = join.beforeNid === undefined ? [] : [...(await reads.loadState(reader, join.beforeNid)).values()]
    const all = await loadEvents(reader, nids)
    const members = all.filter(({ pdu }) => pdu.type === 'm.room.member')
    const heroes = omitMembers ? heroesOf(all, members) : undefined
    const state = heroes ? all.filter((event) => event.pdu.type !== 'm.room.member' || heroes.has(event)) : all
    const chain = await history.authChain(reader, [join, ...state])
    const told = new Set(state.map(({ nid }) => nid))
    return {
      state,
      chain: omitMembers ? chain.filter(({ nid }) => !told.has(nid)) : chain,
      servers: serversOf(members),
      isPart: state.length < all.length,
    }
  }

  return async (join: StoredEvent, omitMembers: boolean): Promise<Readable> => {
    const parts = await db.read((reader) => load(reader, join, omitMembers))
    return Readable.from(pieces(parts, join, serverName))
  }
}

async function* pieces({ state, chain, servers, isPart }: Parts, join: StoredEvent, origin: string) {
  const known = { origin, event: join.pdu, members_omitted: isPart, servers_in_room: servers }
  yield `${JSON.stringify(known).slice(0, -1)},"state":`
  yield* list(state)
  yield ',"auth_chain":'
  yield* list(chain)
  yield '}'
}

async function* list(events: readonly StoredEvent[]) {
  const pause = createYielder()
  yield '['
  for (let i = 0; i < events.length; i += pageSize) {
    await pause()
    const page = events.slice(i, i + pageSize).map(({ pdu }) => JSON.stringify(pdu))
    yield `${i === 0 ? '' : ','}${page.join(',')}`
  }
  yield ']'
}

/** Where a room has neither name nor alias, those whose names stand for it. */
function heroesOf(state: readonly StoredEvent[], members: readonly StoredEvent[]): ReadonlySet<StoredEvent> {
  const isNamed = state.some(
    ({ pdu }) => (pdu.type === 'm.room.name' || pdu.type === 'm.room.canonical_alias') && pdu.state_key === '',
  )
  if (isNamed) return new Set()
  const present = members.filter(({ pdu }) => ['join', 'invite'].includes(membershipOf(pdu) ?? ''))
  const oldest = (list: readonly StoredEvent[]) => list.toSorted((a, b) => a.nid - b.nid).slice(0, heroCount)
  return new Set(oldest(present.length > 0 ? present : members))
}

function serversOf(members: readonly StoredEvent[]): string[] {
  const servers = new Set<string>()
  for (const { pdu } of members) {
    const userId = pdu.state_key ?? ''
    if (membershipOf(pdu) === 'join' && hasUserIdShape(userId)) servers.add(serverOf(userId))
  }
  return [...servers]
}

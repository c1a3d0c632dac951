import { z } from 'zod'
import type { Reader, Tx } from '../../../db/database.ts'
import type { Jobs } from '../../../jobs/jobs.ts'
import type { RoomReads } from '../../../rooms/reads.ts'
import type { PersistHook } from '../../../rooms/types.ts'
import { removedMembers } from '../../../rooms/types.ts'
import type { LivekitServer } from '../livekit-server.ts'
import type { ParticipantHook, Participants } from '../participants/participants.ts'

export interface EvictionsDeps {
  readonly jobs: Jobs
  readonly server: LivekitServer
  readonly participants: Participants
  readonly reads: Pick<RoomReads, 'roomById' | 'membership'>
}

/** Whoever is removed from a room is put out of its calls, and again where they use a token that they had before. */
export interface Evictions {
  readonly onPersist: PersistHook
  readonly onParticipant: ParticipantHook
}

const job = 'livekit.evict'
const payload = z.object({ livekitRoom: z.string(), identity: z.string() })

export function createEvictions({ jobs, server, participants, reads }: EvictionsDeps): Evictions {
  jobs.handle(
    job,
    async (json) => {
      const { livekitRoom, identity } = payload.parse(json)
      await server.removeParticipant(livekitRoom, identity)
    },
    { atOnce: 4 },
  )
  const evict = (tx: Tx, livekitRoom: string, identity: string) =>
    jobs.enqueue(tx, job, { livekitRoom, identity }, { key: `${livekitRoom} ${identity}` })

  const isMember = async (reader: Reader, roomId: string, userId: string) => {
    const room = await reads.roomById(reader, roomId)
    return room !== undefined && (await reads.membership(reader, room.nid, userId))?.membership === 'join'
  }

  return {
    onPersist: async (tx, { room, currentChanges, removed }) => {
      const gone = currentChanges.flatMap(({ pdu }) =>
        pdu.type === 'm.room.member' && pdu.content.membership !== 'join' ? (pdu.state_key ?? []) : [],
      )
      const users = new Set([...gone, ...removedMembers(removed)])
      if (users.size === 0) return
      for (const row of await participants.ofRoom(tx, room.roomId)) {
        if (row.phase === 'joined' && users.has(row.user_id)) await evict(tx, row.livekit_room, row.identity)
      }
    },
    onParticipant: async (tx, { participant, what }) => {
      if (what !== 'joined') return
      const { livekitRoom, identity, roomId, userId } = participant
      if (!(await isMember(tx, roomId, userId))) await evict(tx, livekitRoom, identity)
    },
  }
}

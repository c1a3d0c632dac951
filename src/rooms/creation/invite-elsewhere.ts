import type { JsonObject } from '../../matrix/event.ts'
import { type RoomId, serverOf, type UserId } from '../../matrix/ids.ts'
import { mapLimit } from '../../util/async.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Actor } from '../actor.ts'
import type { InviteUser } from '../membership/invite.ts'

interface Deps {
  readonly inviteUser: InviteUser
  readonly clock: TimerClock
  readonly log: Log
}

export type InviteElsewhere = (
  actor: Actor,
  roomId: RoomId,
  targets: readonly UserId[],
  content: JsonObject,
) => Promise<void>

const parallelServers = 20
/** Whoever makes a room waits so long (ms) for the servers of those whom they invite. */
const patienceMs = 10_000

/**
 * Invites users of other servers to a new room, those of different servers side by side. What these say changes nothing
 * of the room, whose creator can invite again; servers that take longer than ten seconds are told while the room is in
 * use already.
 */
export function createInviteElsewhere({ inviteUser, clock, log }: Deps): InviteElsewhere {
  return async (actor, roomId, targets, content) => {
    if (targets.length === 0) return
    const byServer = Map.groupBy(new Set(targets), serverOf)
    const told = mapLimit([...byServer.values()], parallelServers, async (users) => {
      for (const target of users) {
        await inviteUser(actor, roomId, target, content).catch((error: unknown) =>
          log.warn({ err: error }, 'somebody elsewhere could not be invited to a new room'),
        )
      }
    })
    const { promise: patience, resolve } = Promise.withResolvers<void>()
    const cancel = clock.after(patienceMs, resolve)
    await Promise.race([told, patience]).finally(cancel)
  }
}

import type { MatrixEvent, Room } from 'matrix-js-sdk'
import { MatrixRTCSessionEvent } from 'matrix-js-sdk/lib/matrixrtc/index.js'
import type { RtcApi } from '../page-api.ts'
import { client, until } from './client.ts'

const ringType = 'org.matrix.msc4075.rtc.notification'

/** The first event of that type that somebody else sent to the room. */
const heard = (roomId: string, type: string) =>
  until(() => {
    const isIt = (event: MatrixEvent) => event.getType() === type && event.getSender() !== client().getUserId()
    return roomOf(roomId).getLiveTimeline().getEvents().find(isIt)
  })

export function roomOf(roomId: string): Room {
  const room = client().getRoom(roomId)
  if (!room) throw new Error(`not in ${roomId}`)
  return room
}

export const sessionOf = (roomId: string) => client().matrixRTC.getRoomSession(roomOf(roomId))

export const rtc: RtcApi = {
  joinSession: async (roomId, { ring, kind, lifetimeMs, leaveAfterMs = 8000 }) => {
    const userId = client().getUserId() ?? ''
    const deviceId = client().getDeviceId() ?? ''
    const transport = { type: 'livekit', livekit_service_url: `${client().baseUrl}/livekit/jwt`, livekit_alias: roomId }
    const session = sessionOf(roomId)
    const failed = new Promise<never>((_resolve, reject) =>
      session.once(MatrixRTCSessionEvent.MembershipManagerError, reject),
    )
    session.joinRTCSession({ userId, deviceId, memberId: `${userId}:${deviceId}` }, [transport], undefined, {
      callIntent: kind === 'voice' ? 'audio' : 'video',
      delayedLeaveEventDelayMs: leaveAfterMs,
      delayedLeaveEventRestartMs: leaveAfterMs / 2,
      ...(ring && { notificationType: 'ring', notificationLifetimeMs: lifetimeMs ?? 30_000 }),
    })
    const isIn = () => session.memberships.some((member) => member.userId === userId) || undefined
    await Promise.race([failed, until(isIn)])
  },
  leaveSession: async (roomId) => {
    await sessionOf(roomId).leaveRoomSession(5000)
  },
  sessionHolds: async (roomId, userIds) => {
    const session = sessionOf(roomId)
    const wanted = [...userIds].sort().join()
    const isSo = () => [...new Set(session.memberships.map(({ userId }) => userId))].sort().join() === wanted
    while (!isSo()) await new Promise((resolve) => session.once(MatrixRTCSessionEvent.MembershipsChanged, resolve))
  },
  rung: async (roomId) => {
    await heard(roomId, ringType)
  },
  declineSession: async (roomId) => {
    const ring = await heard(roomId, ringType)
    await client().sendRtcDecline(roomId, ring.getId() ?? '')
  },
  declined: async (roomId) => {
    await heard(roomId, 'org.matrix.msc4310.rtc.decline')
  },
}

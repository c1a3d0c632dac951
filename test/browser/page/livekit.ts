import { type RemoteTrack, Room, RoomEvent, Track } from 'livekit-client'
import type { SfuApi } from '../page-api.ts'
import { client, until } from './client.ts'
import { rtc, sessionOf } from './rtc.ts'

let room: Room | undefined

function call(): Room {
  if (!room) throw new Error('in no call')
  return room
}

async function askFor(service: string, path: string, body: object): Promise<{ url: string; jwt: string }> {
  const response = await fetch(`${service}/${path}`, { method: 'POST', body: JSON.stringify(body) })
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}

async function ticket(roomId: string, form: 'sfu/get' | 'get_token', delayId: string | undefined) {
  const [transport] = await client()._unstable_getRTCTransports()
  const service = String(Reflect.get(transport ?? {}, 'livekit_service_url'))
  const userId = client().getUserId() ?? ''
  const deviceId = client().getDeviceId() ?? ''
  const openid_token = await client().getOpenIdToken()
  const delegation =
    delayId === undefined
      ? {}
      : { delay_id: delayId, delay_timeout: 3_600_000, delay_endpoint_base_url: client().baseUrl }
  if (form === 'sfu/get')
    return askFor(service, form, { room: roomId, openid_token, device_id: deviceId, ...delegation })
  const member = { id: `${userId}:${deviceId}`, claimed_user_id: userId, claimed_device_id: deviceId }
  return askFor(service, form, { room_id: roomId, slot_id: 'm.call#ROOM', openid_token, member, ...delegation })
}

const videoOf = (others: Room): RemoteTrack | undefined => {
  for (const participant of others.remoteParticipants.values()) {
    const track = participant.getTrackPublication(Track.Source.Camera)?.track
    if (track) return track as RemoteTrack
  }
  return undefined
}

export const sfu: SfuApi = {
  joinCall: async (roomId, { ring, form, delegate }) => {
    await rtc.joinSession(roomId, { ring, kind: 'video', ...(delegate && { leaveAfterMs: 3_600_000 }) })
    const delayId = delegate ? await until(() => sessionOf(roomId).delayId) : undefined
    const { url, jwt } = await ticket(roomId, form, delayId)
    // A tone is what they are there to take out.
    const audioCaptureDefaults = { autoGainControl: false, echoCancellation: false, noiseSuppression: false }
    room = new Room({ audioCaptureDefaults })
    await room.connect(url, jwt)
    await room.localParticipant.enableCameraAndMicrophone()
    return room.localParticipant.identity
  },
  seesVideo: async () => {
    while (!videoOf(call())) await new Promise((resolve) => call().once(RoomEvent.TrackSubscribed, resolve))
    const element = videoOf(call())?.attach() as HTMLVideoElement
    element.muted = true
    document.body.append(element)
    for (let frames = 0; frames < 10; frames++) {
      await new Promise((resolve) => element.requestVideoFrameCallback(resolve))
    }
    return [element.videoWidth, element.videoHeight]
  },
  hearsSpeaker: async () => {
    for (;;) {
      const remote = call().activeSpeakers.find(({ isLocal }) => !isLocal)
      if (remote) return remote.identity
      await new Promise((resolve) => call().once(RoomEvent.ActiveSpeakersChanged, resolve))
    }
  },
  othersInCall: async (count) => {
    while (call().remoteParticipants.size !== count) {
      await new Promise((resolve) =>
        call().once(count === 0 ? RoomEvent.ParticipantDisconnected : RoomEvent.ParticipantConnected, resolve),
      )
    }
  },
  react: async (roomId, emoji) => {
    const own = sessionOf(roomId).memberships.find(({ userId }) => userId === client().getUserId())
    const sentTs = Date.now()
    const relation = { rel_type: 'm.reference', event_id: own?.eventId ?? '' }
    await client().sendEvent(
      roomId,
      'io.element.call.reaction' as never,
      { emoji, name: 'party', 'm.relates_to': relation } as never,
    )
    return sentTs
  },
  reaction: async (roomId) => {
    const event = await until(() => {
      const seen = client().getRoom(roomId)?.getLiveTimeline().getEvents() ?? []
      return seen.find((one) => one.getType() === 'io.element.call.reaction')
    })
    return {
      emoji: String(event.getContent().emoji),
      target: String(event.getRelation()?.event_id),
      seenTs: Date.now(),
    }
  },
  leaveCall: async (roomId) => {
    await call().disconnect()
    await rtc.leaveSession(roomId)
  },
}

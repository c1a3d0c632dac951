import { CallErrorCode, CallEvent, CallState, type MatrixCall } from 'matrix-js-sdk/lib/webrtc/call.js'
import { CallEventHandlerEvent } from 'matrix-js-sdk/lib/webrtc/callEventHandler.js'
import type { LegacyApi } from '../page-api.ts'
import { client, onStart } from './client.ts'
import { received } from './received.ts'

let current: MatrixCall | undefined
let rang = Promise.withResolvers<MatrixCall>()

onStart((started) => started.on(CallEventHandlerEvent.Incoming, (incoming) => rang.resolve(incoming)))

function call(): MatrixCall {
  if (!current) throw new Error('no call')
  return current
}

const states = { invite_sent: CallState.InviteSent, connected: CallState.Connected, ended: CallState.Ended }

export const legacy: LegacyApi = {
  place: async (roomId, kind) => {
    const placed = client().createCall(roomId)
    if (!placed) throw new Error('this browser cannot call')
    current = placed
    placed.on(CallEvent.Error, (error) => console.error(`call: ${error.message}`))
    await (kind === 'voice' ? placed.placeVoiceCall() : placed.placeVideoCall())
  },
  ring: async () => {
    current = await rang.promise
    rang = Promise.withResolvers()
    return { caller: current.getOpponentMember()?.userId ?? '', kind: current.type }
  },
  answer: () => call().answer(),
  reject: async () => call().reject(),
  hangUp: async () => call().hangup(CallErrorCode.UserHangup, false),
  reached: async (state) => {
    while (call().state !== states[state]) await new Promise((resolve) => call().once(CallEvent.State, resolve))
    return state === 'ended' ? call().hangupReason : undefined
  },
  receives: async (kind) => received(kind, async () => (await call().getCurrentCallStats()) ?? []),
}

/** What clients put on the wire, as they do in 2026. */
import type { JsonObject } from '../../../matrix/event.ts'
import type { Person, Step } from './scenario.ts'

type Place = Pick<Step, 'at' | 'who' | 'name' | 'late'>

const place = (at: number, who: Person, name?: string): Place => ({ at, who, ...(name !== undefined && { name }) })

const sdp = (media: readonly string[]) =>
  [
    'v=0',
    'o=- 1 2 IN IP4 127.0.0.1',
    's=-',
    't=0 0',
    ...media.map((kind) => `m=${kind} 9 UDP/TLS/RTP/SAVPF 96`),
    '',
  ].join('\r\n')

/** Element Web and the classic apps (version 1), between two clients. */
export const legacy = {
  invite: (at: number, who: Person, changes: JsonObject = {}): Step => ({
    ...place(at, who, 'invite'),
    does: {
      sends: 'm.call.invite',
      content: {
        call_id: '1700000000000abc',
        party_id: 'DEVICE',
        version: '1',
        lifetime: 60_000,
        offer: { type: 'offer', sdp: sdp(['audio']) },
        capabilities: { 'm.call.transferee': false, 'm.call.dtmf': false },
        ...changes,
      },
    },
  }),
  say: (at: number, who: Person, type: string, changes: JsonObject = {}): Step => ({
    ...place(at, who),
    does: {
      sends: `m.call.${type}`,
      content: { call_id: '1700000000000abc', party_id: `OF${who}`, version: '1', ...changes },
    },
  }),
}

export const video: JsonObject = { offer: { type: 'offer', sdp: sdp(['audio', 'video']) } }

const memberType = 'org.matrix.msc3401.call.member'
const keyOf = (who: Person, device: string) => `_@${who}_${device}_m.call`
const foci: JsonObject[] = [{ type: 'livekit', livekit_service_url: 'https://rtc.example.org/livekit/jwt' }]

/** Element Call inside Element X and Element Web: memberships by state. */
export const elementCall = {
  join: (at: number, who: Person, changes: JsonObject = {}, device = 'DEV'): Step => ({
    ...place(at, who, `${who}-joined`),
    does: {
      sets: memberType,
      key: keyOf(who, device),
      content: {
        application: 'm.call',
        call_id: '',
        scope: 'm.room',
        device_id: device,
        expires: 14_400_000,
        focus_active: { type: 'livekit', focus_selection: 'multi_sfu' },
        foci_preferred: foci,
        'm.call.intent': 'video',
        membershipID: `${who}-${device}-1`,
        ...changes,
      },
    },
  }),
  leave: (at: number, who: Person, device = 'DEV'): Step => ({
    ...place(at, who),
    does: { sets: memberType, key: keyOf(who, device), content: {} },
  }),
  scheduleLeave: (
    at: number,
    who: Person,
    what: 'scheduled' | 'restarted' | 'sent' | 'cancelled' = 'scheduled',
    device = 'DEV',
  ): Step => ({ ...place(at, who), does: { delayed: what, type: memberType, key: keyOf(who, device), content: {} } }),
  ring: (at: number, who: Person, changes: JsonObject = {}): Step => ({
    ...place(at, who, 'ring'),
    does: {
      sends: 'org.matrix.msc4075.rtc.notification',
      content: {
        'm.mentions': { user_ids: [], room: true },
        'm.call.intent': 'video',
        notification_type: 'ring',
        sender_ts: 0,
        lifetime: 30_000,
        'm.relates_to': { rel_type: 'm.reference', event_id: `$${who}-joined` },
        ...changes,
      },
    },
  }),
  decline: (at: number, who: Person): Step => ({
    ...place(at, who),
    does: {
      sends: 'org.matrix.msc4310.rtc.decline',
      content: { 'm.relates_to': { rel_type: 'm.reference', event_id: '$ring' }, reason: 'declined' },
    },
  }),
  react: (at: number, who: Person): Step => ({
    ...place(at, who),
    does: {
      sends: 'io.element.call.reaction',
      content: { 'm.relates_to': { rel_type: 'm.reference', event_id: `$${who}-joined` }, emoji: '🎉', name: 'party' },
    },
  }),
  raiseHand: (at: number, who: Person): Step => ({
    ...place(at, who),
    does: {
      sends: 'm.reaction',
      content: { 'm.relates_to': { rel_type: 'm.annotation', event_id: `$${who}-joined`, key: '🖐️' } },
    },
  }),
}

const stickyType = 'org.matrix.msc4143.rtc.member'

/** Element Call in its mode `matrix_2_0`: memberships by sticky events, each with a leaving that is scheduled. */
export const sticky = {
  join: (at: number, who: Person): Step => ({
    ...place(at, who, `${who}-joined`),
    does: {
      sends: stickyType,
      isSticky: true,
      content: {
        slot_id: 'm.call#ROOM',
        application: { type: 'm.call', 'm.call.id': '', 'm.call.intent': 'audio' },
        member: { id: `${who}-1`, claimed_device_id: 'DEV', device_id: 'DEV', user_id: `@${who}` },
        rtc_transports: foci,
        versions: [],
        msc4354_sticky_key: `${who}-1`,
      },
    },
  }),
  leave: (at: number, who: Person): Step => ({
    ...place(at, who),
    does: { sends: stickyType, isSticky: true, content: { msc4354_sticky_key: `${who}-1` } },
  }),
  scheduleLeave: (
    at: number,
    who: Person,
    what: 'scheduled' | 'restarted' | 'sent' | 'cancelled' = 'scheduled',
  ): Step => ({
    ...place(at, who),
    does: { delayed: what, type: stickyType, content: { msc4354_sticky_key: `${who}-1` } },
  }),
}

/** FluffyChat: memberships by state without anything that ends them, a ring that refers to nothing, no decline. */
export const fluffyChat = {
  join: (at: number, who: Person, createdAt: number): Step => ({
    ...place(at, who, `${who}-joined`),
    does: {
      sets: memberType,
      key: keyOf(who, 'FLUFFY'),
      content: {
        application: 'm.call',
        call_id: '',
        scope: 'm.room',
        device_id: 'FLUFFY',
        expires: 14_400_000,
        created_at: createdAt,
        foci_preferred: foci,
        focus_active: { type: 'livekit', focus_selection: 'oldest_membership' },
      },
    },
  }),
  leave: (at: number, who: Person) => elementCall.leave(at, who, 'FLUFFY'),
  ring: (at: number, who: Person, callee: Person): Step => ({
    ...place(at, who, 'ring'),
    does: {
      sends: 'org.matrix.msc4075.rtc.notification',
      content: {
        'm.mentions': { user_ids: [`@${callee}`] },
        notification_type: 'ring',
        sender_ts: 0,
        lifetime: 30_000,
      },
    },
  }),
}

/** What the LiveKit server tells of those who are in a call. */
export const sfu = (at: number, who: Person, what: 'joined' | 'left' | 'aborted', device = 'DEV'): Step => ({
  ...place(at, who),
  does: { sfu: what, device },
})

export const late = (step: Step, seconds: number): Step => ({ ...step, late: seconds })

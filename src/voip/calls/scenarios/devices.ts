import type { Json } from '../../../matrix/event.ts'
import type { Person, Scenario, Step } from './scenario.ts'
import { elementCall, fluffyChat, legacy } from './shapes.ts'

const { invite, say } = legacy
const { decline, join, leave, ring } = elementCall
const own = { party_id: 'DEVICE' }

/** What several devices of one person do, and clients that say things in ways of their own. */
const legacyDevices: readonly Scenario[] = [
  {
    name: 'one device answers while another declines',
    steps: [
      invite(0, 'alice'),
      say(5, 'bob', 'answer', { party_id: 'PHONE' }),
      say(5.2, 'bob', 'reject', { party_id: 'LAPTOP' }),
    ],
    expect: [{ outcome: 'answered', at: 5 }],
  },
  {
    name: 'one device declines, and another answers before that is known',
    steps: [
      invite(0, 'alice'),
      say(5, 'bob', 'reject', { party_id: 'LAPTOP' }),
      say(6, 'bob', 'answer', { party_id: 'PHONE' }),
    ],
    expect: [{ outcome: 'answered', at: 6 }],
  },
  {
    name: 'the app of the callee cannot take the call, and says so in words of its own',
    steps: [invite(0, 'alice'), say(5, 'bob', 'hangup', { reason: 'no_user_media' })],
    expect: [{ outcome: 'failed', at: 8 }],
  },
  {
    name: 'the app of the caller cannot go on, and says so in words of its own',
    steps: [invite(0, 'alice'), say(8, 'alice', 'hangup', { ...own, reason: 'set_remote_description' })],
    expect: [{ outcome: 'failed', at: 11 }],
  },
  {
    name: 'the caller hands the call over before anybody answers',
    steps: [invite(0, 'alice'), say(8, 'alice', 'hangup', { ...own, reason: 'transferred' })],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 11 }],
  },
  {
    name: 'an answer when the call was taken to be missed changes nothing',
    steps: [invite(0, 'alice'), say(80, 'bob', 'answer'), say(120, 'alice', 'hangup', own)],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 75 }],
  },
  {
    name: 'the app of the callee gives up first',
    steps: [invite(0, 'alice', { lifetime: 30_000 }), say(30, 'bob', 'hangup', { reason: 'invite_timeout' })],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 33 }],
  },
  {
    name: 'in a group anybody answers who is not asked by name',
    isGroup: true,
    steps: [invite(0, 'alice'), say(3, 'bob', 'reject'), say(5, 'carol', 'answer')],
    expect: [{ outcome: 'answered', at: 5 }],
  },
  {
    name: 'an edited invitation calls nobody again',
    steps: [
      invite(0, 'alice'),
      say(20, 'alice', 'hangup', own),
      invite(40, 'alice', { call_id: 'b', 'm.relates_to': { rel_type: 'm.replace', event_id: '$invite' } }),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 23 }],
  },
]

const rtcDevices: readonly Scenario[] = [
  {
    name: 'one device declines, and another comes into the call at once',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      decline(5, 'bob'),
      join(6, 'bob', {}, 'LAPTOP'),
      leave(60, 'alice'),
      leave(60.1, 'bob', 'LAPTOP'),
    ],
    expect: [{ outcome: 'answered', at: 8 }],
  },
  {
    name: 'another device comes just before it is certain that one has declined',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), decline(5, 'bob'), join(7.5, 'bob', {}, 'LAPTOP')],
    expect: [{ outcome: 'answered', at: 9.5 }],
  },
  {
    name: 'another device looks in for a moment after one has declined',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      decline(5, 'bob'),
      join(7.5, 'bob', {}, 'LAPTOP'),
      leave(8.5, 'bob', 'LAPTOP'),
    ],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 8.5 }],
  },
  {
    name: 'an edited ring rings no more',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      leave(20, 'alice'),
      ring(40, 'alice', { 'm.relates_to': { rel_type: 'm.replace', event_id: '$ring' } }),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 30 }],
  },
  {
    name: 'the membership that stands is redacted: it was written anew before',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      { ...join(3, 'alice', { created_ts: 1 }), name: 'again' },
      { at: 15, who: 'alice', does: { redacts: '$again' } },
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 25 }],
  },
  {
    name: 'a membership is redacted in whose place another stands',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      { ...join(3, 'alice', { created_ts: 1 }), name: 'again' },
      { at: 4, who: 'alice', does: { redacts: '$alice-joined' } },
      join(20, 'bob'),
    ],
    expect: [{ outcome: 'answered', at: 22 }],
  },
]

/** Who was left behind in a call by an app that was killed is not there when somebody calls in another way. */
const ghostScenarios: readonly Scenario[] = [
  {
    name: 'whom an app left behind does not answer when they are called in the other way',
    steps: [
      fluffyChat.join(0, 'alice', 1),
      fluffyChat.ring(0.4, 'alice', 'bob'),
      invite(600, 'bob'),
      say(630, 'bob', 'hangup'),
    ],
    expect: [
      { outcome: 'missed', prompt: 'timeout', at: 45.4 },
      { outcome: 'missed', prompt: 'cancelled', at: 633, caller: 'bob' },
    ],
  },
  {
    name: 'whom an app left behind has hung up when they call in the other way and hang up',
    steps: [
      fluffyChat.join(0, 'alice', 1),
      fluffyChat.ring(0.4, 'alice', 'bob'),
      invite(600, 'alice'),
      say(630, 'alice', 'hangup', own),
    ],
    expect: [
      { outcome: 'missed', prompt: 'timeout', at: 45.4 },
      { outcome: 'missed', prompt: 'cancelled', at: 633 },
    ],
  },
]

/** The membership as apps of 2024 wrote it: one list for all devices of a person. */
const listed = (at: number, who: Person, devices: readonly string[]): Step => ({
  at,
  who,
  name: `${who}-joined`,
  does: {
    sets: 'org.matrix.msc3401.call.member',
    key: `@${who}`,
    content: {
      memberships: devices.map((device): Json => {
        return {
          application: 'm.call',
          call_id: '',
          scope: 'm.room',
          device_id: device,
          expires: 14_400_000,
          foci_active: [{ type: 'livekit' }],
          membershipID: `${who}-${device}`,
        }
      }),
    },
  },
})

const listScenarios: readonly Scenario[] = [
  {
    name: 'memberships in lists: answered',
    steps: [listed(0, 'alice', ['A']), ring(0.5, 'alice'), listed(8, 'bob', ['B']), listed(60, 'bob', [])],
    expect: [{ outcome: 'answered', at: 10 }],
  },
  {
    name: 'memberships in lists: nobody answers',
    steps: [listed(0, 'alice', ['A']), ring(0.5, 'alice'), listed(30.4, 'alice', [])],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
  {
    name: 'memberships in lists: a second device comes, and the first goes',
    steps: [
      listed(0, 'alice', ['A']),
      ring(0.5, 'alice'),
      listed(10, 'alice', ['A', 'A2']),
      listed(12, 'alice', ['A2']),
      listed(20, 'bob', ['B']),
    ],
    expect: [{ outcome: 'answered', at: 22 }],
  },
  {
    name: 'memberships under the name that the proposal gives them',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), join(8, 'bob'), leave(60, 'bob')].map(
      (step): Step => ('sets' in step.does ? { ...step, does: { ...step.does, sets: 'm.call.member' } } : step),
    ),
    expect: [{ outcome: 'answered', at: 10 }],
  },
]

export const deviceScenarios: readonly Scenario[] = [
  ...legacyDevices,
  ...rtcDevices,
  ...ghostScenarios,
  ...listScenarios,
]

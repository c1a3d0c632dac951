import type { Scenario } from './scenario.ts'
import { legacy, video } from './shapes.ts'

const { invite, say } = legacy
const own = { party_id: 'DEVICE' }

/** Calls between two clients by `m.call.*` in rooms that are not encrypted. */
export const legacyScenarios: readonly Scenario[] = [
  {
    name: 'answered and hung up',
    steps: [
      invite(0, 'alice'),
      say(7, 'bob', 'answer', { answer: { type: 'answer', sdp: '' } }),
      say(7.2, 'alice', 'select_answer', { ...own, selected_party_id: 'OFbob' }),
      say(60, 'alice', 'hangup', { ...own, reason: 'user_hangup' }),
    ],
    expect: [{ outcome: 'answered', at: 7 }],
  },
  {
    name: 'answered on another device of the callee, which the first one reports',
    steps: [
      invite(0, 'alice'),
      say(7, 'bob', 'answer', { party_id: 'PHONE' }),
      say(7.1, 'bob', 'hangup', { party_id: 'LAPTOP', reason: 'answered_elsewhere' }),
    ],
    expect: [{ outcome: 'answered', at: 7 }],
  },
  {
    name: 'declined',
    steps: [
      invite(0, 'alice', video),
      say(4, 'bob', 'reject', {}),
      say(4.1, 'alice', 'hangup', { ...own, reason: 'user_hangup' }),
    ],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 7 }],
  },
  {
    name: 'declined by a client of version 0, which hangs up',
    steps: [invite(0, 'alice', { version: 0 }), say(4, 'bob', 'hangup', { version: 0 })],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 7 }],
  },
  {
    name: 'the caller gives up by itself when the time is over',
    steps: [invite(0, 'alice'), say(60, 'alice', 'hangup', { ...own, reason: 'invite_timeout' })],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 63 }],
  },
  {
    name: "the caller's client dies while it rings",
    steps: [invite(0, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 75 }],
  },
  {
    name: 'rings for as long as nheko does',
    steps: [invite(0, 'alice', { lifetime: 120_000 }), say(119, 'bob', 'answer')],
    expect: [{ outcome: 'answered', at: 119 }],
  },
  {
    name: 'claims to ring for a year',
    steps: [invite(0, 'alice', { lifetime: 31_536_000_000 })],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 135 }],
  },
  {
    name: 'cancelled at once',
    steps: [invite(0, 'alice'), say(4.9, 'alice', 'hangup', own)],
    expect: [{ outcome: 'cancelled', at: 7.9 }],
  },
  {
    name: 'cancelled after a while',
    steps: [invite(0, 'alice'), say(5, 'alice', 'hangup', own)],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 8 }],
  },
  {
    name: 'the callee is busy',
    steps: [invite(0, 'alice'), say(1, 'bob', 'hangup', { reason: 'user_busy' })],
    expect: [{ outcome: 'busy', prompt: 'busy', at: 4 }],
  },
  {
    name: 'the callee rejects as busy',
    steps: [invite(0, 'alice'), say(1, 'bob', 'reject', { reason: 'user_busy' })],
    expect: [{ outcome: 'busy', prompt: 'busy', at: 4 }],
  },
  {
    name: 'fails before it is answered',
    steps: [invite(0, 'alice'), say(8, 'alice', 'hangup', { ...own, reason: 'user_media_failed' })],
    expect: [{ outcome: 'failed', at: 11 }],
  },
  {
    name: 'the connection fails after it was answered',
    steps: [invite(0, 'alice'), say(5, 'bob', 'answer'), say(20, 'alice', 'hangup', { ...own, reason: 'ice_failed' })],
    expect: [{ outcome: 'answered', at: 5 }],
  },
  {
    name: 'the caller hangs up while the answer is on its way',
    isRemote: true,
    steps: [invite(0, 'alice'), say(20, 'alice', 'hangup', own), say(28, 'bob', 'answer')],
    expect: [{ outcome: 'answered', at: 28 }],
  },
  {
    name: 'a remote callee does not answer',
    isRemote: true,
    steps: [invite(0, 'alice'), say(60, 'alice', 'hangup', { ...own, reason: 'invite_timeout' })],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 70 }],
  },
  {
    name: 'both call at once, and the call of the callee goes on',
    steps: [
      invite(0, 'alice', { call_id: 'b' }),
      invite(0.3, 'bob', { call_id: 'a' }),
      say(0.5, 'alice', 'hangup', { ...own, call_id: 'b', reason: 'replaced' }),
      say(0.6, 'alice', 'answer', { call_id: 'a' }),
      say(30, 'bob', 'hangup', { call_id: 'a' }),
    ],
    expect: [{ outcome: 'answered', at: 0.3 }],
  },
  {
    name: 'both call at once, and the call of the caller goes on',
    steps: [
      invite(0, 'alice', { call_id: 'a' }),
      invite(0.3, 'bob', { call_id: 'b' }),
      say(0.5, 'bob', 'hangup', { call_id: 'b', reason: 'replaced' }),
      say(0.9, 'bob', 'answer', { call_id: 'a' }),
    ],
    expect: [{ outcome: 'answered', at: 0.9 }],
  },
  {
    name: 'the callee calls back before the caller is asked',
    steps: [
      invite(0, 'alice', { call_id: 'a' }),
      say(20, 'alice', 'hangup', { ...own, call_id: 'a' }),
      invite(22, 'bob', { call_id: 'b' }),
      say(25, 'alice', 'answer', { call_id: 'b' }),
    ],
    expect: [
      { outcome: 'missed', at: 22 },
      { outcome: 'answered', at: 25, caller: 'bob' },
    ],
  },
  {
    name: 'tries again at once: asked after the last try only',
    steps: [
      invite(0, 'alice', { call_id: 'a' }),
      say(10, 'alice', 'hangup', { ...own, call_id: 'a' }),
      invite(12, 'alice', { call_id: 'b' }),
      say(30, 'alice', 'hangup', { ...own, call_id: 'b' }),
    ],
    expect: [
      { outcome: 'missed', at: 12 },
      { outcome: 'missed', prompt: 'cancelled', at: 33 },
    ],
  },
  {
    name: 'tries again soon: asked once in two minutes',
    steps: [
      invite(0, 'alice', { call_id: 'a' }),
      say(10, 'alice', 'hangup', { ...own, call_id: 'a' }),
      invite(60, 'alice', { call_id: 'b' }),
      say(70, 'alice', 'hangup', { ...own, call_id: 'b' }),
      invite(200, 'alice', { call_id: 'c' }),
      say(220, 'alice', 'hangup', { ...own, call_id: 'c' }),
    ],
    expect: [
      { outcome: 'missed', prompt: 'cancelled', at: 13 },
      { outcome: 'missed', at: 73 },
      { outcome: 'missed', prompt: 'cancelled', at: 223 },
    ],
  },
  {
    name: 'takes the call back',
    steps: [invite(0, 'alice'), { at: 10, who: 'alice', does: { redacts: '$invite' } }],
    expect: [{ outcome: 'cancelled', at: 13 }],
  },
  {
    name: 'says everything twice',
    steps: [
      invite(0, 'alice'),
      invite(0, 'alice'),
      say(9, 'alice', 'hangup', own),
      say(9, 'alice', 'hangup', own),
      say(9.5, 'alice', 'hangup', own),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 12 }],
  },
  {
    name: 'in a room that anybody may join nobody is asked',
    isPublic: true,
    steps: [invite(0, 'alice'), say(20, 'alice', 'hangup', own)],
    expect: [{ outcome: 'missed', at: 23 }],
  },
  {
    name: 'somebody else in the room says what only the two may',
    isGroup: true,
    steps: [
      invite(0, 'alice', { invitee: '@bob' }),
      say(5, 'carol', 'answer'),
      say(6, 'carol', 'reject'),
      say(20, 'alice', 'hangup', own),
    ],
    expect: [{ outcome: 'missed', at: 23 }],
  },
  {
    name: 'in an encrypted room nothing is seen, and nothing is guessed',
    isEncrypted: true,
    steps: [invite(0, 'alice'), say(5, 'bob', 'answer'), say(20, 'alice', 'hangup', own)],
    expect: [],
  },
  {
    name: 'came an hour late with the history of another server',
    steps: [{ ...invite(0, 'bob'), late: 3600 }],
    expect: [],
  },
]

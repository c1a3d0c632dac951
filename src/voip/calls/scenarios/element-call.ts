import type { Scenario } from './scenario.ts'
import { elementCall, sfu } from './shapes.ts'

const { join, leave, ring, decline, react, raiseHand, scheduleLeave } = elementCall

/** Each of these must end alike where the room is encrypted, where rings and declines show only what they refer to. */
const inBoth: readonly Scenario[] = [
  {
    name: 'answered',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), join(8, 'bob'), leave(60, 'bob'), leave(61, 'alice')],
    expect: [{ outcome: 'answered', at: 10 }],
  },
  {
    name: 'nobody answers: the caller leaves by itself after half a minute',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
  {
    name: 'declined',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), decline(6, 'bob'), leave(6.3, 'alice')],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 9 }],
  },
  {
    name: 'cancelled at once',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), leave(4, 'alice')],
    expect: [{ outcome: 'cancelled', at: 14 }],
  },
  {
    name: 'cancelled after a while',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), leave(15, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 25 }],
  },
  {
    name: 'the callee comes too late to be heard',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), join(19, 'bob'), leave(20, 'alice'), leave(22, 'bob')],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 30 }],
  },
  {
    name: 'the callee looks in for a moment only',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), join(8, 'bob'), leave(9.5, 'bob'), leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
  {
    name: 'the caller goes over to another device while it rings',
    steps: [
      join(0, 'alice', {}, 'LAPTOP'),
      ring(0.5, 'alice'),
      leave(10, 'alice', 'LAPTOP'),
      join(16, 'alice', {}, 'PHONE'),
      join(20, 'bob'),
    ],
    expect: [{ outcome: 'answered', at: 22 }],
  },
  {
    name: 'the caller reloads the page while it rings',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      leave(8, 'alice'),
      join(12, 'alice', { membershipID: 'alice-DEV-2' }),
      leave(30.4, 'alice'),
    ],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
  {
    name: 'the caller crashes, and the leaving that was scheduled is sent',
    steps: [
      scheduleLeave(0, 'alice'),
      join(0.1, 'alice'),
      ring(0.5, 'alice'),
      scheduleLeave(5, 'alice', 'restarted'),
      scheduleLeave(15, 'alice', 'sent'),
      leave(15, 'alice'),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 25 }],
  },
  {
    name: 'the caller crashes, and only the server of the call says so',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), sfu(1, 'alice', 'joined'), sfu(12, 'alice', 'left')],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 22 }],
  },
  {
    name: 'the caller crashes, and nobody says so',
    steps: [join(0, 'alice'), ring(0.5, 'alice', { lifetime: 90_000 })],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 105.5 }],
  },
  {
    name: 'memberships are written anew during the call',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      join(5, 'bob'),
      join(600, 'alice', { created_ts: 1_700_000_000_000, expires: 28_800_000 }),
      leave(900, 'alice'),
      leave(901, 'bob'),
    ],
    expect: [{ outcome: 'answered', at: 7 }],
  },
  {
    name: 'reactions and raised hands are no rings, and decline nothing',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      react(2, 'alice'),
      raiseHand(3, 'alice'),
      join(8, 'bob'),
      react(8.5, 'bob'),
    ],
    expect: [{ outcome: 'answered', at: 10 }],
  },
  {
    name: 'answered with a voice: the callee is in the call at its server, and nothing else is known',
    steps: [join(0, 'alice'), ring(0.5, 'alice'), sfu(7, 'bob', 'joined'), sfu(20, 'bob', 'left'), leave(21, 'alice')],
    expect: [{ outcome: 'answered', at: 9 }],
  },
  {
    name: 'waits alone in a call to which nobody was called',
    steps: [join(0, 'alice'), leave(20, 'alice')],
    expect: [{ outcome: 'unknown', at: 30 }],
  },
  {
    name: 'joining the call of a direct chat is calling',
    isDirect: true,
    steps: [join(0, 'alice'), leave(20, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 30 }],
  },
  {
    name: 'nobody waits in a group for one',
    isGroup: true,
    steps: [join(0, 'alice'), ring(0.5, 'alice'), decline(5, 'bob'), leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', at: 40.4 }],
  },
  {
    name: 'a group in which somebody comes',
    isGroup: true,
    steps: [join(0, 'alice'), ring(0.5, 'alice'), decline(5, 'bob'), join(8, 'carol'), leave(20, 'alice')],
    expect: [{ outcome: 'answered', at: 10 }],
  },
  {
    name: 'in a room that anybody may join nobody is asked',
    isPublic: true,
    steps: [join(0, 'alice'), ring(0.5, 'alice'), leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', at: 40.4 }],
  },
  {
    name: 'a remote callee comes while the caller leaves',
    isRemote: true,
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      leave(30, 'alice'),
      { ...join(34, 'bob'), late: 7 },
      leave(40, 'bob'),
    ],
    expect: [{ outcome: 'answered' }],
  },
  {
    name: 'a remote callee declines while the caller leaves',
    isRemote: true,
    steps: [join(0, 'alice'), ring(0.5, 'alice'), decline(28, 'bob'), leave(30.4, 'alice')],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 38 }],
  },
  {
    name: 'the callee comes when the caller was taken to have given up, but waits still',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice', { lifetime: 90_000 }),
      join(120, 'bob'),
      leave(200, 'bob'),
      leave(201, 'alice'),
    ],
    expect: [
      { outcome: 'missed', prompt: 'timeout', at: 105.5 },
      { outcome: 'answered', at: 122, caller: 'bob' },
    ],
  },
  {
    name: 'takes the ring back',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      { at: 9, who: 'alice', does: { redacts: '$ring' } },
      leave(9.1, 'alice'),
    ],
    expect: [{ outcome: 'cancelled', at: 12 }],
  },
  {
    name: 'the callee calls back before the caller is asked',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      leave(15, 'alice'),
      join(18, 'bob'),
      { ...ring(18.5, 'bob'), name: 'back' },
      join(22, 'alice'),
    ],
    expect: [
      { outcome: 'missed', at: 18.5 },
      { outcome: 'answered', at: 24, caller: 'bob' },
    ],
  },
  {
    name: 'calls again after the first call',
    steps: [
      join(0, 'alice'),
      ring(0.5, 'alice'),
      join(5, 'bob'),
      leave(60, 'bob'),
      leave(60, 'alice'),
      join(300, 'bob', { membershipID: 'bob-DEV-2' }),
      ring(300.5, 'bob'),
      leave(330, 'bob'),
    ],
    expect: [
      { outcome: 'answered', at: 7 },
      { outcome: 'missed', prompt: 'timeout', at: 340, caller: 'bob' },
    ],
  },
]

export const elementCallScenarios: readonly Scenario[] = [
  ...inBoth,
  ...inBoth.map((scenario) => ({ ...scenario, name: `${scenario.name} (encrypted)`, isEncrypted: true })),
]

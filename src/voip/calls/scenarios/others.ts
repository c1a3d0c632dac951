import type { Scenario } from './scenario.ts'
import { elementCall, fluffyChat, legacy, sfu, sticky } from './shapes.ts'

export const stickyScenarios: readonly Scenario[] = [
  {
    name: 'sticky: answered',
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      sticky.scheduleLeave(6.9, 'bob'),
      sticky.join(7, 'bob'),
      sticky.leave(30, 'bob'),
      sticky.leave(31, 'alice'),
    ],
    expect: [{ outcome: 'answered', at: 8.9 }],
  },
  {
    name: 'sticky: nobody answers',
    steps: [sticky.join(0.1, 'alice'), elementCall.ring(0.5, 'alice'), sticky.leave(30.5, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.5 }],
  },
  {
    name: 'sticky: declined',
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      elementCall.decline(5, 'bob'),
      sticky.leave(5.2, 'alice'),
      sticky.scheduleLeave(5.2, 'alice', 'sent'),
    ],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 8 }],
  },
  {
    name: 'sticky and encrypted: nobody answers',
    isEncrypted: true,
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      sticky.scheduleLeave(5, 'alice', 'restarted'),
      sticky.scheduleLeave(30.5, 'alice', 'sent'),
    ],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.5 }],
  },
  {
    name: 'sticky and encrypted: declined',
    isEncrypted: true,
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      elementCall.decline(5, 'bob'),
      sticky.scheduleLeave(5.5, 'alice', 'sent'),
    ],
    expect: [{ outcome: 'declined', prompt: 'declined', at: 8 }],
  },
  {
    name: 'sticky and encrypted: answered, as the leaving shows that the callee scheduled',
    isEncrypted: true,
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      sticky.scheduleLeave(7, 'bob'),
      sticky.join(7.1, 'bob'),
    ],
    expect: [{ outcome: 'answered', at: 9 }],
  },
  {
    name: 'sticky, encrypted and remote: answered, as the server of the call shows',
    isEncrypted: true,
    isRemote: true,
    steps: [
      sticky.scheduleLeave(0, 'alice'),
      sticky.join(0.1, 'alice'),
      elementCall.ring(0.5, 'alice'),
      sfu(1, 'alice', 'joined'),
      sfu(9, 'bob', 'joined'),
      sfu(30, 'bob', 'left'),
    ],
    expect: [{ outcome: 'answered', at: 11 }],
  },
]

export const fluffyChatScenarios: readonly Scenario[] = [
  {
    name: 'FluffyChat: answered',
    steps: [fluffyChat.join(0, 'alice', 1), fluffyChat.ring(0.4, 'alice', 'bob'), fluffyChat.join(6, 'bob', 2)],
    expect: [{ outcome: 'answered', at: 8 }],
  },
  {
    name: 'FluffyChat: its red button says nothing, so that it is as if nobody were there',
    steps: [fluffyChat.join(0, 'alice', 1), fluffyChat.ring(0.4, 'alice', 'bob'), fluffyChat.leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
  {
    name: 'FluffyChat: killed while it rings, and left behind in the call',
    steps: [fluffyChat.join(0, 'alice', 1), fluffyChat.ring(0.4, 'alice', 'bob')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 45.4 }],
  },
  {
    name: 'FluffyChat: whom it left behind in the call is no answer to the next one',
    steps: [
      fluffyChat.join(0, 'bob', 1),
      fluffyChat.ring(0.4, 'bob', 'alice'),
      fluffyChat.join(5, 'alice', 2),
      fluffyChat.leave(60, 'alice'),
      fluffyChat.join(600, 'alice', 3),
      { ...fluffyChat.ring(600.4, 'alice', 'bob'), name: 'ring-2' },
      fluffyChat.leave(630.4, 'alice'),
    ],
    expect: [
      { outcome: 'answered', at: 7, caller: 'bob' },
      { outcome: 'missed', prompt: 'timeout', at: 640.4 },
    ],
  },
  {
    name: 'FluffyChat in an encrypted room: its ring cannot be seen, and nobody is asked',
    isEncrypted: true,
    steps: [fluffyChat.join(0, 'alice', 1), fluffyChat.ring(0.4, 'alice', 'bob'), fluffyChat.leave(30.4, 'alice')],
    expect: [{ outcome: 'unknown', at: 40.4 }],
  },
  {
    name: 'FluffyChat in an encrypted direct chat: joining is calling',
    isEncrypted: true,
    isDirect: true,
    steps: [fluffyChat.join(0, 'alice', 1), fluffyChat.ring(0.4, 'alice', 'bob'), fluffyChat.leave(30.4, 'alice')],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.4 }],
  },
]

export const trapScenarios: readonly Scenario[] = [
  {
    name: 'both ways to call at once are one call',
    steps: [
      legacy.invite(0, 'alice'),
      elementCall.join(1, 'alice'),
      elementCall.ring(1.5, 'alice'),
      legacy.say(3, 'alice', 'hangup', { party_id: 'DEVICE' }),
      elementCall.leave(31, 'alice'),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 41 }],
  },
  {
    name: 'both ways to call at once: answered by the second',
    steps: [
      legacy.invite(0, 'alice'),
      elementCall.join(1, 'alice'),
      elementCall.ring(1.5, 'alice'),
      elementCall.join(9, 'bob'),
      legacy.say(60, 'alice', 'hangup', { party_id: 'DEVICE', reason: 'invite_timeout' }),
    ],
    expect: [{ outcome: 'answered', at: 11 }],
  },
  {
    name: "somebody writes another's membership",
    steps: [
      legacy.invite(0, 'alice'),
      { at: 5, who: 'alice', does: { ...elementCall.join(5, 'bob').does } },
      legacy.say(20, 'alice', 'hangup', { party_id: 'DEVICE' }),
    ],
    expect: [{ outcome: 'missed', prompt: 'cancelled', at: 23 }],
  },
  {
    name: 'a membership from before comes late',
    steps: [
      elementCall.join(0, 'alice'),
      elementCall.ring(0.5, 'alice'),
      { ...elementCall.join(8, 'bob'), late: 600 },
      elementCall.leave(30.5, 'alice'),
    ],
    expect: [{ outcome: 'missed', prompt: 'timeout', at: 40.5 }],
  },
]

import type { Accounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import type { Jobs } from './jobs/jobs.ts'
import { makeUserId } from './matrix/ids.ts'
import type { Rooms } from './rooms/rooms.ts'
import { type CallLedger, createCalls } from './voip/calls/calls.ts'
import type { Live } from './voip/live/live.ts'
import type { Webhooks } from './voip/webhooks/webhooks.ts'

interface Parts {
  readonly jobs: Jobs
  readonly accounts: Accounts
  readonly rooms: Rooms
  readonly live: Live
  readonly webhooks: Webhooks
}

/** The ledger of calls, with the timings of the configuration. */
export function composeCalls(core: Core, { rooms, ...parts }: Parts): CallLedger {
  const { bots, voip } = core.config
  const calls = createCalls({
    ...core,
    ...parts,
    reads: rooms.reads,
    ownBots: [bots.voicemail, bots.assistant].map(({ localpart }) => makeUserId(localpart, core.serverName)),
    timings: {
      localGrace: voip.calls.local_grace,
      remoteGrace: voip.calls.remote_grace,
      cancelAfter: voip.calls.cancel_after,
      rejoinWindow: voip.calls.rejoin_window,
      closeSlack: voip.calls.close_slack,
      answerMin: voip.calls.answer_min,
    },
    keep: voip.calls.keep,
  })
  rooms.onPersist(calls.hook)
  return calls
}

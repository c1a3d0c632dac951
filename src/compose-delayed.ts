import type { Accounts } from './accounts/accounts.ts'
import type { Core } from './context.ts'
import type { Rooms } from './rooms/rooms.ts'
import type { Calls } from './voip/calls/types.ts'
import { createDelayedEvents, type DelayedEvents } from './voip/delayed/delayed-events.ts'
import { createSendDelayed } from './voip/delayed/send-delayed.ts'

export function composeDelayedEvents(
  { db, clock, log, config }: Core,
  { accounts, rooms, calls }: { accounts: Accounts; rooms: Rooms; calls: Calls },
): DelayedEvents {
  const { max_delay: maxDelay, max_scheduled: maxScheduled } = config.voip.delayed_events
  const send = createSendDelayed({ db, clock, log, events: rooms.events, users: accounts.users, calls })
  const delayed = createDelayedEvents({ db, clock, log, send, calls, limits: { maxDelay, maxScheduled } })
  accounts.onDeactivate(delayed.onDeactivate)
  return delayed
}

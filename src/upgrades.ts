import type { AppContext } from './context.ts'
import type { Upgrade } from './http/upgrade.ts'
import { livePath } from './voip/live/routes-live.ts'

/** Every path at which the server speaks WebSocket. */
export function upgrades({ live }: AppContext): Upgrade[] {
  return [{ path: livePath, limit: 'general', handle: live.sockets.open }]
}

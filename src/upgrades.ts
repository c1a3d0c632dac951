import type { AppContext } from './context.ts'
import type { Upgrade } from './http/upgrade.ts'
import { livePath } from './voip/live/routes-live.ts'
import { sfuUpgrades } from './voip/livekit/sfu/routes-sfu.ts'

/** Every path at which the server speaks WebSocket. */
export function upgrades(ctx: AppContext): Upgrade[] {
  return [{ path: livePath, limit: 'general', handle: ctx.live.sockets.open }, ...sfuUpgrades(ctx)]
}

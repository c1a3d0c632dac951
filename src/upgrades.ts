import type { AppContext } from './context.ts'
import type { Upgrade } from './http/upgrade.ts'

/** Every path at which the server speaks WebSocket. */
export function upgrades(_ctx: AppContext): Upgrade[] {
  return []
}

import type { AppContext } from '../context.ts'
import type { Endpoint } from '../http/endpoint.ts'
import { crossSigningRoutes } from './routes-cross-signing.ts'
import { dehydratedRoutes } from './routes-dehydrated.ts'
import { keyBackupRoutes } from './routes-key-backup.ts'
import { keysRoutes } from './routes-keys.ts'
import { roomKeysRoutes } from './routes-room-keys.ts'
import { toDeviceRoutes } from './routes-to-device.ts'

/** End-to-end encryption: keys, messages between devices, backups. */
export function e2eeRoutes(ctx: AppContext): Endpoint[] {
  return [
    ...keysRoutes(ctx),
    ...crossSigningRoutes(ctx),
    ...toDeviceRoutes(ctx),
    ...keyBackupRoutes(ctx),
    ...roomKeysRoutes(ctx),
    ...dehydratedRoutes(ctx),
  ]
}

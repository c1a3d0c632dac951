import type { AppContext } from '../../../context.ts'
import { type Endpoint, endpoint } from '../../../http/endpoint.ts'
import type { Upgrade } from '../../../http/upgrade.ts'
import { sfuPath } from './sfu-proxy.ts'

type Context = Pick<AppContext, 'livekit'>

/** LiveKit under the name of this server, where the configuration says that it is reached inside. */
export function sfuRoutes({ livekit }: Context): Endpoint[] {
  const proxy = livekit?.proxy
  if (proxy === undefined) return []
  return ['/rtc/validate', '/rtc/v1/validate'].map((path) =>
    endpoint(
      { method: 'GET', path: sfuPath + path, auth: 'none', limit: 'general', surface: 'client' },
      ({ url, headers, ip }) => proxy.validate(url, headers, ip),
    ),
  )
}

export function sfuUpgrades({ livekit }: Context): Upgrade[] {
  const proxy = livekit?.proxy
  if (proxy === undefined) return []
  return ['/rtc', '/rtc/v1'].map((path) => ({ path: sfuPath + path, limit: 'general', handle: proxy.open }))
}

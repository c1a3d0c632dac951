import type { AppContext } from '../../context.ts'
import { type Endpoint, endpoint } from '../../http/endpoint.ts'
import { reply } from '../../http/reply.ts'
import { errors } from '../../matrix/errors.ts'
import { roomVersions } from '../../matrix/room-versions.ts'
import { specVersions, unstableFeatures } from '../versions.ts'

const moderation = { suspend: true, lock: true }

const livekitFeatures = { 'org.matrix.msc4143': true, 'io.element.msc4195': true }

/** What clients ask before anything else. */
export function discoveryRoutes({ config, db, emails }: Pick<AppContext, 'config' | 'db' | 'emails'>): Endpoint[] {
  const { max_delay: maxDelay, max_scheduled: maxScheduled } = config.voip.delayed_events
  const isDelaying = maxDelay > 0 && maxScheduled > 0
  const features = {
    ...unstableFeatures,
    'org.matrix.msc4140': isDelaying,
    'org.matrix.msc4140.stable': isDelaying,
    ...(config.voip.livekit && livekitFeatures),
  }
  return [
    endpoint({ method: 'GET', path: '/health', auth: 'none' }, async () => {
      await db.read(async (reader) => reader.execute('select 1', []))
      return { status: 'ok' }
    }),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/versions',
        auth: 'optional',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientversions',
      },
      () => reply(200, { versions: specVersions, unstable_features: features }, { Vary: 'Authorization' }),
    ),
    // OAuth 2.0 is not offered: clients then use the logins of GET /login.
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v1/auth_metadata',
        also: ['/_matrix/client/unstable/org.matrix.msc2965/auth_metadata'],
        auth: 'none',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv1auth_metadata',
      },
      () => {
        throw errors.unrecognized(404, 'This server does not offer OAuth 2.0')
      },
    ),
    endpoint(
      {
        method: 'GET',
        path: '/_matrix/client/v3/capabilities',
        auth: 'user-or-guest',
        spec: 'https://spec.matrix.org/v1.19/client-server-api/#get_matrixclientv3capabilities',
      },
      ({ requester }) => {
        const enabled = !requester.isGuest
        const delayed = { max_delay_ms: maxDelay, max_scheduled: maxScheduled }
        return {
          capabilities: {
            'm.room_versions': {
              default: config.rooms.default_version,
              available: Object.fromEntries(roomVersions.map((version) => [version, 'stable'])),
            },
            'm.change_password': { enabled },
            'm.set_displayname': { enabled },
            'm.set_avatar_url': { enabled },
            'm.profile_fields': { enabled },
            'uk.tcpip.msc4133.profile_fields': { enabled },
            'm.3pid_changes': { enabled: enabled && emails.isEnabled },
            'm.get_login_token': { enabled },
            'io.element.msc4452.preview_url': { enabled: enabled && config.media.url_previews.enabled },
            'm.delayed_events': delayed,
            'org.matrix.msc4140.delayed_events': delayed,
            'm.forget_forced_upon_leave': { enabled: false },
            ...(requester.isAdmin && { 'm.account_moderation': moderation, 'uk.timedout.msc4323': moderation }),
          },
        }
      },
    ),
  ]
}

import { errors } from '../matrix/errors.ts'
import type { Pusher } from './pusher.ts'

const gatewayPath = '/_matrix/push/v1/notify'
/** It goes out with every notification. */
const maxDataBytes = 16 * 1024

/** Refuses what cannot be used: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset */
export function checkPusher({ appId, pushkey, kind, data }: Pusher): void {
  if (Buffer.byteLength(pushkey) > 512) throw errors.invalidParam('pushkey has at most 512 bytes')
  if ([...appId].length > 64) throw errors.invalidParam('app_id has at most 64 characters')
  if (kind !== 'http') throw errors.invalidParam('Only pushers of kind "http" can be set')
  if (Buffer.byteLength(JSON.stringify(data)) > maxDataBytes) throw errors.tooLarge('data is too large')
  if (typeof data.url !== 'string') throw errors.missingParam('data.url is required')
  const url = URL.parse(data.url)
  // Plain HTTP is what gateways on the same machine or behind a proxy speak.
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.pathname !== gatewayPath) {
    throw errors.invalidParam(`data.url must be an HTTPS URL with the path ${gatewayPath}`)
  }
}

/** What limits and failures are shared by. */
export function gatewayOf({ data }: Pick<Pusher, 'data'>): string {
  return (typeof data.url === 'string' ? URL.parse(data.url)?.origin : undefined) ?? ''
}

import { errors } from '../matrix/errors.ts'
import { canonicalEmail } from '../util/email-address.ts'
import { emailAppId, type Pusher } from './pusher.ts'

const gatewayPath = '/_matrix/push/v1/notify'
/** It goes out with every notification. */
const maxDataBytes = 16 * 1024

/** Refuses what cannot be used: https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3pushersset */
export function checkPusher({ appId, pushkey, kind, data }: Pusher): void {
  if (Buffer.byteLength(pushkey) > 512) throw errors.invalidParam('pushkey has at most 512 bytes')
  if ([...appId].length > 64) throw errors.invalidParam('app_id has at most 64 characters')
  if (Buffer.byteLength(JSON.stringify(data)) > maxDataBytes) throw errors.tooLarge('data is too large')
  // Another kind under an address would take it from its owner, as a device that has changed hands is taken.
  if ((kind === 'email') !== (appId === emailAppId)) {
    throw errors.invalidParam(`Pushers of kind "email", and no others, have the app_id "${emailAppId}"`)
  }
  if (kind === 'email') {
    if (canonicalEmail(pushkey) === undefined) throw errors.threepidNotFound('pushkey is not a mail address')
    return
  }
  if (kind !== 'http') throw errors.invalidParam('Only pushers of kind "http" and "email" can be set')
  if (typeof data.url !== 'string') throw errors.missingParam('data.url is required')
  const url = URL.parse(data.url)
  // Plain HTTP is what gateways on the same machine or behind a proxy speak.
  if (url === null || !['http:', 'https:'].includes(url.protocol) || url.pathname !== gatewayPath) {
    throw errors.invalidParam(`data.url must be an HTTPS URL with the path ${gatewayPath}`)
  }
}

/** The key by which the pusher is known: an address, however it was written, is one address. */
export function pushkeyOf({ appId, pushkey }: Pick<Pusher, 'appId' | 'pushkey'>): string {
  return (appId === emailAppId ? canonicalEmail(pushkey) : undefined) ?? pushkey
}

/** What limits and failures are shared by. */
export function gatewayOf({ kind, data }: Pick<Pusher, 'kind' | 'data'>): string {
  if (kind === 'email') return 'mail'
  return (typeof data.url === 'string' ? URL.parse(data.url)?.origin : undefined) ?? ''
}

import { z } from 'zod'
import { errors } from '../../matrix/errors.ts'
import type { AddressInvite } from './address-invites.ts'

const text = z.string().nullish()

/** The two forms of an invitation: of a user, or of an address. */
export const inviteBody = z.object({
  user_id: text,
  reason: text,
  id_server: text,
  id_access_token: text,
  medium: text,
  address: text,
})

export function toAddressInvite(body: z.output<typeof inviteBody>): AddressInvite {
  const { medium, address, id_server: idServer, id_access_token: idAccessToken } = body
  if (!medium) throw errors.missingParam('Missing key medium')
  if (!address) throw errors.missingParam('Missing key address')
  return { medium, address, ...(idServer && { idServer }), ...(idAccessToken && { idAccessToken }) }
}

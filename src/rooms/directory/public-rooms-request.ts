import { z } from 'zod'
import { errors } from '../../matrix/errors.ts'
import { type DirectoryScope, parseInstanceId } from './network-rooms.ts'
import type { PublicRoomsRequest } from './public-rooms-page.ts'

const text = z.string().nullish()

/** How clients and other servers ask for a page of the directory. */
export const publicRoomsBody = z.object({
  limit: z.int().nullish(),
  since: text,
  filter: z
    .object({
      generic_search_term: text,
      room_types: z.array(z.string().nullable()).nullish(),
    })
    .nullish(),
  include_all_networks: z.boolean().nullish(),
  third_party_instance_id: text,
})

type Asked = z.output<typeof publicRoomsBody>

/** Undefined for rooms of a network that we do not know. Throws `400` where both networks and all are asked for. */
export function toPublicRoomsRequest(asked: Asked): PublicRoomsRequest | undefined {
  const scope = scopeOf(asked)
  if (scope === undefined) return undefined
  return {
    limit: asked.limit ?? undefined,
    since: asked.since ?? undefined,
    search: asked.filter?.generic_search_term ?? undefined,
    roomTypes: asked.filter?.room_types ?? undefined,
    scope,
  }
}

/** The page that shows nothing. */
export const noPublicRooms = { chunk: [], total_room_count_estimate: 0 }

function scopeOf(asked: Asked): DirectoryScope | undefined {
  if (!asked.third_party_instance_id) return asked.include_all_networks ? 'all' : 'own'
  if (asked.include_all_networks) {
    throw errors.invalidParam('third_party_instance_id and include_all_networks exclude each other')
  }
  return parseInstanceId(asked.third_party_instance_id)
}

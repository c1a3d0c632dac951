import { z } from 'zod'
import { hasRoomIdShape, hasUserIdShape } from './ids.ts'

const strings = z.array(z.string())
const userIds = z.array(z.string().refine(hasUserIdShape, 'is not a user id'))
const roomIds = z.array(z.string().refine(hasRoomIdShape, 'is not a room id'))

const eventFilter = z.looseObject({
  limit: z.int().min(0).optional(),
  types: strings.optional(),
  not_types: strings.optional(),
  senders: userIds.optional(),
  not_senders: userIds.optional(),
})

/** https://spec.matrix.org/v1.19/client-server-api/#filtering */
export const roomEventFilter = eventFilter.extend({
  rooms: roomIds.optional(),
  not_rooms: roomIds.optional(),
  contains_url: z.boolean().optional(),
  lazy_load_members: z.boolean().optional(),
  include_redundant_members: z.boolean().optional(),
  unread_thread_notifications: z.boolean().optional(),
  related_by_rel_types: strings.optional(),
  related_by_senders: strings.optional(),
})

/** A whole filter, as `POST /user/{userId}/filter` and `/sync` take it; keys that we do not know stay. */
export const syncFilter = z.looseObject({
  event_fields: strings.optional(),
  event_format: z.enum(['client', 'federation']).optional(),
  presence: eventFilter.optional(),
  account_data: eventFilter.optional(),
  room: z
    .looseObject({
      rooms: roomIds.optional(),
      not_rooms: roomIds.optional(),
      include_leave: z.boolean().optional(),
      timeline: roomEventFilter.optional(),
      state: roomEventFilter.optional(),
      ephemeral: roomEventFilter.optional(),
      account_data: roomEventFilter.optional(),
    })
    .optional(),
})

export type SyncFilter = z.output<typeof syncFilter>

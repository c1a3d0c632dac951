import { z } from 'zod'
import { isRoomId, isUserId } from '../matrix/ids.ts'

const userIds = z.array(z.string().refine(isUserId, 'not a user id'))
const roomIds = z.array(z.string().refine(isRoomId, 'not a room id'))

const eventFilter = z.looseObject({
  limit: z.int().min(0).optional(),
  types: z.array(z.string()).optional(),
  not_types: z.array(z.string()).optional(),
  senders: userIds.optional(),
  not_senders: userIds.optional(),
})

const roomEventFilter = eventFilter.extend({
  rooms: roomIds.optional(),
  not_rooms: roomIds.optional(),
  contains_url: z.boolean().optional(),
  lazy_load_members: z.boolean().optional(),
  include_redundant_members: z.boolean().optional(),
  unread_thread_notifications: z.boolean().optional(),
  related_by_senders: userIds.optional(),
  related_by_rel_types: z.array(z.string()).optional(),
})

/** https://spec.matrix.org/v1.19/client-server-api/#filtering; unknown keys are kept. */
export const filterSchema = z.looseObject({
  event_fields: z.array(z.string()).optional(),
  event_format: z.enum(['client', 'federation']).optional(),
  presence: eventFilter.optional(),
  account_data: eventFilter.optional(),
  room: z
    .looseObject({
      rooms: roomIds.optional(),
      not_rooms: roomIds.optional(),
      include_leave: z.boolean().optional(),
      state: roomEventFilter.optional(),
      timeline: roomEventFilter.optional(),
      ephemeral: roomEventFilter.optional(),
      account_data: roomEventFilter.optional(),
    })
    .optional(),
})

/** The filter of `/messages`, `/context` and the like: https://spec.matrix.org/v1.19/client-server-api/#filtering */
export const roomEventFilterSchema = roomEventFilter

export type EventFilter = z.output<typeof eventFilter>
export type RoomEventFilter = z.output<typeof roomEventFilter>
export type Filter = z.output<typeof filterSchema>

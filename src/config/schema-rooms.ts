import { z } from 'zod'
import { roomVersions } from '../matrix/room-versions.ts'

export const rooms = z
  .strictObject({
    default_version: z
      .union([z.string(), z.number()])
      .transform((value, ctx) => {
        const version = String(value)
        if (roomVersions.includes(version)) return version
        ctx.addIssue({ code: 'custom', message: `must be one of ${roomVersions.join(', ')}`, input: value })
        return z.NEVER
      })
      .prefault('12')
      .describe('The room version of new rooms whose client asks for none.'),
    event_power_levels: z
      .record(z.string(), z.int())
      .default({ 'org.matrix.msc3401.call.member': 0 })
      .describe(
        'Power levels by event type for new rooms, beside the usual ones. With 0 here every member can join calls.',
      ),
    max_remote_complexity: z
      .number()
      .positive()
      .optional()
      .describe(
        'Rooms of other servers that are larger are not joined, except by administrators; 1 is a room with 500 state events (members count). No limit unless set.',
      )
      .meta({ example: 20 }),
  })
  .prefault({})
  .describe('Rooms.')

export const presence = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Tell people who share a room whether the others are there.'),
  })
  .prefault({})
  .describe('Who is online.')

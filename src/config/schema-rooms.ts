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
  })
  .prefault({})
  .describe('Rooms.')

import { z } from 'zod'
import { duration, size } from './fields.ts'

const delivery = z
  .strictObject({
    scope: z
      .enum(['notes', 'all', 'none'])
      .default('notes')
      .describe('What is deleted once delivered: notes left after a missed call, all media of messages, or none.'),
    grace: duration().prefault('7d').describe('How long after its delivery a file is kept; 0 deletes at once.'),
    max_lifetime: duration().prefault('30d').describe('When such a file is deleted at the latest, delivered or not.'),
    redacted_grace: duration().prefault('24h').describe('How long after its message was removed a file is kept.'),
  })
  .prefault({})
  .describe('Deletion after delivery: one device of each recipient has downloaded the file.')

export const media = z
  .strictObject({
    max_upload: size().prefault('50MiB').describe('The largest file that may be uploaded.'),
    allow_legacy_unauthenticated: z
      .boolean()
      .default(false)
      .describe('Also answer the old media paths that ask for no access token.'),
    sweep_interval: duration().prefault('10m').describe('How often files that are due are deleted.'),
    delivery,
  })
  .prefault({})
  .describe('Files, pictures, voice and video.')

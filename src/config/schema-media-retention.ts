import { validate } from 'node-cron'
import { z } from 'zod'
import { durationOrNever, size, text } from './fields.ts'

const limits = (never: string, unused: string) => ({
  max_age: durationOrNever().prefault('never').describe(`How long ${never} is kept at the longest, used or not.`),
  max_unused: durationOrNever().prefault(unused).describe('How long it is kept after it was last asked for.'),
  max_total: size()
    .optional()
    .describe('How much of it is kept in all; what was not asked for the longest goes first. Default: no limit.')
    .meta({ example: '20GiB' }),
})

export const retention = z
  .strictObject({
    schedule: text()
      .refine(validate, { error: 'must be a cron expression such as 41 3 * * *' })
      .default('41 * * * *')
      .describe('When it is looked for what must go, as a cron expression in local time.'),
    remote: z
      .strictObject(limits('a copy of a file of another server', '90d'))
      .prefault({})
      .describe('Copies of files of other servers. They are fetched again when somebody asks for them.'),
    thumbnails: z
      .strictObject(limits('a small version of a picture', '90d'))
      .prefault({})
      .describe('Small versions that this server has made. They are made again when somebody asks for them.'),
    local: z
      .strictObject({
        max_unused: durationOrNever()
          .prefault('never')
          .describe('How long files uploaded here are kept after they were last asked for. They are gone then.'),
        max_unattached: durationOrNever()
          .prefault('never')
          .describe(
            'How long uploads are kept that no readable message shows and nobody has ever asked for. Files of encrypted messages look so until somebody fetches them.',
          ),
      })
      .prefault({})
      .describe('Files uploaded here. Avatars, stickers and what is protected, quarantined or held are exempt.'),
    deletion_log: durationOrNever().prefault('365d').describe('How long the log of deletions is kept.'),
  })
  .prefault({})
  .describe('What is deleted because of its age, or because nobody asks for it.')

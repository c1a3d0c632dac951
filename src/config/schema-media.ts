import { z } from 'zod'
import { duration, size, text } from './fields.ts'
import { retention } from './schema-media-retention.ts'
import { storage } from './schema-storage.ts'

const quota = z.strictObject({
  max: size().describe('So much one person may upload within that time.').meta({ example: '1GiB' }),
  within: duration()
    .optional()
    .describe('The time that counts, backwards from each upload. Default: for ever, as far as it is still kept.')
    .meta({ example: '1d' }),
})

const typeLimit = z.strictObject({
  type: text().describe('A type such as application/pdf, or video/* for all of a kind.').meta({ example: 'video/*' }),
  max: size().describe('The largest file of this type.').meta({ example: '20MiB' }),
})

const thumbnails = z
  .strictObject({
    max_pixels: z
      .int()
      .min(1)
      .default(64_000_000)
      .describe('Pictures with more pixels get no thumbnails. Making one may take four bytes of memory for each.'),
  })
  .prefault({})
  .describe('Small versions of pictures, and of videos where ffmpeg is installed.')

const hosts = (what: string, example: string[]) => z.array(text()).default([]).describe(what).meta({ example })

const urlPreviews = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Let clients ask what is on a web page; this server fetches it.'),
    allow: hosts('Only these hosts, with * for any characters. Empty: all that are not denied.', ['*.example.org']),
    deny: hosts('Never these hosts.', ['*.internal.example.org']),
    timeout: duration().prefault('10s').describe('How long a page with its picture may take.'),
    cache_for: duration().prefault('6h').describe('How long a preview is shown before the page is fetched again.'),
  })
  .prefault({})
  .describe('Previews of web pages. Addresses of private networks are never fetched, see outbound.')

const kindPolicy = z.strictObject({
  policy: z.enum(['after_delivery', 'keep']).optional().describe('Whether it is deleted once it is delivered.'),
  grace: duration().optional().describe('How long after its delivery.'),
  max_lifetime: duration().optional().describe('When it is deleted at the latest.'),
})

const deliveryBounds = z
  .strictObject({
    min_grace: duration().optional().describe('The shortest grace.').meta({ example: '1h' }),
    max_grace: duration().optional().describe('The longest grace.').meta({ example: '90d' }),
    min_lifetime: duration().optional().describe('The shortest time after which all goes.').meta({ example: '1d' }),
    max_lifetime: duration()
      .optional()
      .describe('The longest, also where a room or a person wants to keep all.')
      .meta({ example: '365d' }),
  })
  .prefault({})
  .describe(
    'Between what rooms and people may choose with io.ringback.media_policy. With scope none they choose nothing.',
  )

const delivery = z
  .strictObject({
    scope: z
      .enum(['notes', 'all', 'none'])
      .default('notes')
      .describe('What is deleted once delivered: notes left after a missed call, all media of messages, or none.'),
    grace: duration()
      .optional()
      .describe('How long after its delivery a file is kept; 0 deletes at once. Default: 7d for notes, 30d for others.')
      .meta({ example: '7d' }),
    server_grace: duration()
      .optional()
      .describe('The same after another server has fetched it, for others there. Default: as grace.')
      .meta({ example: '7d' }),
    max_lifetime: duration()
      .optional()
      .describe(
        'When such a file is deleted at the latest, delivered or not. Default: 30d for notes, never for others.',
      )
      .meta({ example: '30d' }),
    redacted_grace: duration()
      .prefault('24h')
      .describe('How long a file is kept after the last message that showed it was removed, whatever the scope.'),
    kinds: z
      .partialRecord(z.enum(['note', 'voice', 'image', 'video', 'file', 'ai_image']), kindPolicy)
      .prefault({})
      .describe('Other rules for some kinds: note, voice, image, video, file, ai_image (kept for 90d by default).')
      .meta({ example: { voice: { policy: 'after_delivery', grace: '14d' } } }),
    choices: deliveryBounds,
  })
  .prefault({})
  .describe('Deletion after delivery: one device of each recipient has downloaded the file.')

export const media = z
  .strictObject({
    storage,
    max_upload: size().prefault('50MiB').describe('The largest file that may be uploaded.'),
    allow_legacy_unauthenticated: z
      .boolean()
      .default(false)
      .describe('Also answer the old media paths that ask for no access token.'),
    max_pending_uploads: z
      .int()
      .min(1)
      .default(50)
      .describe('How many uploads one person may have announced and not finished.'),
    pending_upload_lifetime: duration().prefault('24h').describe('How long an announced upload is waited for.'),
    quotas: z
      .array(quota)
      .prefault([])
      .describe('How much one person may upload. Each quota must be kept; without any, max_upload is the only limit.'),
    refused_types: z
      .array(text())
      .default([])
      .describe(
        'Types of files that may not be uploaded, such as application/x-msdownload or video/*. Encrypted files show no type.',
      ),
    strip_metadata: z
      .boolean()
      .default(false)
      .describe(
        'Remove from uploaded pictures and recordings where, when and with what they were made. Pictures with such data are encoded anew.',
      ),
    allowed_types: z
      .array(text())
      .default([])
      .describe(
        'Only these types may be uploaded, such as image/*. Empty: all that are not refused. Encrypted files are application/octet-stream.',
      ),
    type_limits: z
      .array(typeLimit)
      .prefault([])
      .describe('The largest files of some types, where that is less than max_upload.'),
    thumbnails,
    url_previews: urlPreviews,
    sweep_interval: duration().prefault('10m').describe('How often files that are due are deleted.'),
    delivery,
    retention,
  })
  .prefault({})
  .describe('Files, pictures, voice and video.')

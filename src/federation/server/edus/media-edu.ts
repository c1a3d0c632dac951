import { z } from 'zod'
import type { Media } from '../../../media/media.ts'
import type { EduHandler } from './edus.ts'
import { parseEdu } from './parse-edu.ts'

const schema = z.object({ media_id: z.string().min(1).max(255) })

/** MSC4322: a server says that media of its own is gone. Nobody else can. */
export function createMediaEdu({ media }: { media: Pick<Media, 'dropCopy'> }): EduHandler {
  return async (origin, content) => {
    await media.dropCopy({ origin, mediaId: parseEdu(schema, content).media_id })
  }
}

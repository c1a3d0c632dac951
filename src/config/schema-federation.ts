import { z } from 'zod'
import { isServerName } from '../matrix/ids.ts'
import { filePath, text } from './fields.ts'

const serverGlobs = () => z.array(text())

export const federation = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Talk to other Matrix servers.'),
    extra_ca_file: filePath()
      .optional()
      .describe('Certificate authorities in PEM that are trusted besides those of the system.')
      .meta({ example: './ca.pem' }),
    allowed_servers: serverGlobs()
      .optional()
      .describe('The only servers that this one deals with, as globs such as *.example.org. Default: all.')
      .meta({ example: ['example.org', '*.example.org'] }),
    denied_servers: serverGlobs()
      .default([])
      .describe('Servers that this one neither asks nor answers, as globs such as *.example.net.'),
    invites: z
      .strictObject({
        allowed_servers: serverGlobs()
          .optional()
          .describe('The only servers whose users may invite people here, as globs. Default: all.')
          .meta({ example: ['example.org'] }),
        denied_servers: serverGlobs()
          .default([])
          .describe('Servers whose users may invite nobody here, as globs. All else with them goes on.'),
      })
      .prefault({})
      .describe('Invitations by users of other servers.'),
    send_presence: z
      .boolean()
      .default(false)
      .describe(
        'Tell other servers who of the people here is there, as far as they share a room of no more than 30 servers. It costs a request to each of them at each change.',
      ),
    trusted_key_servers: z
      .array(z.string().refine(isServerName, { error: 'must be a server name such as example.org' }))
      .default([])
      .describe('Servers that are asked for the keys of others which do not answer themselves, such as matrix.org.'),
  })
  .prefault({})
  .describe('Other Matrix servers.')

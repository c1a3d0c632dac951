import { z } from 'zod'
import { localpart, text } from './fields.ts'

export const serverNotices = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Let administrators send notices to users.'),
    localpart: localpart()
      .default('notices')
      .describe('The user name that notices come from. It is kept free; the account is made with the first notice.'),
    display_name: text().default('Server notices').describe('What that user is called.'),
    room_name: text().default('Server notices').describe("The name of each user's room with notices."),
  })
  .prefault({})
  .describe('Notices that the server sends to its users, each in a room of their own.')

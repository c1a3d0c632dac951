import { z } from 'zod'

/** A bucket of `burst` requests that fills up by `perSecond`. */
function limit(what: string, perSecond: number, burst: number) {
  return z
    .strictObject({
      per_second: z
        .number()
        .positive()
        .default(perSecond)
        .describe('How many are allowed each second in the long run.'),
      burst: z.int().min(1).default(burst).describe('How many are allowed at once after a pause.'),
    })
    .transform(({ per_second, burst }) => ({ perSecond: per_second, burst }))
    .prefault({})
    .describe(what)
}

export const rateLimits = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Slow down those who send too much.'),
    message: limit('Sending events, by user.', 10, 50),
    login: limit('Attempts to log in, by address.', 0.2, 10),
    registration: limit('Attempts to register, by address.', 0.2, 10),
    membership: limit('Joins, invites and new rooms, by user.', 1, 30),
    profile: limit('Changes of name and avatar, by user.', 1, 20),
    lookup: limit('Searches for users, rooms and aliases, by user or address.', 5, 50),
    keys: limit('Uploads and queries of encryption keys, by user.', 20, 200),
    upload: limit('Uploads of files, by user.', 5, 50),
    report: limit('Reports to the administrators, by user.', 0.2, 20),
    download: limit('Downloads of files and thumbnails, by user or address.', 100, 1000),
    mail: limit('Requests that send a mail, by user or address.', 0.05, 20),
    recipient: limit('Mails to one mail address that somebody asked for.', 0.003, 5),
    general: limit('Everything else that can be misused, by user or address.', 20, 200),
  })
  .prefault({})
  .describe('Rate limits. Administrators and application services that opt out are not limited.')

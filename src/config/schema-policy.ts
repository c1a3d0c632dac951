import { z } from 'zod'
import { text } from './fields.ts'

export const policyServer = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe(
        'Recommend events in rooms whose m.room.policy names this server. Its key is policy.key in the data folder, and is published at /.well-known/matrix/policy_server.',
      ),
    denied_users: z
      .array(text())
      .default([])
      .describe('Users whose events are not recommended, as globs.')
      .meta({ example: ['@spam*:*'] }),
    denied_servers: z
      .array(text())
      .default([])
      .describe('Servers whose users’ events are not recommended, as globs.')
      .meta({ example: ['*.example.net'] }),
    denied_words: z
      .array(text())
      .default([])
      .describe(
        'Events with these words, or parts of words, are not recommended. Case does not matter. It sees no encrypted text.',
      ),
    max_events_per_minute: z
      .int()
      .positive()
      .optional()
      .describe('More events of one user in a minute are not recommended. Default: any number.')
      .meta({ example: 60 }),
  })
  .prefault({})
  .describe('This server as a policy server, which keeps unwanted events out of rooms that choose it.')

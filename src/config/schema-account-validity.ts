import { z } from 'zod'
import { duration } from './fields.ts'

export const accountValidity = z
  .strictObject({
    enabled: z
      .boolean()
      .default(false)
      .describe('Let accounts end unless they are renewed. Off: ends that were set are forgotten.'),
    period: duration()
      .refine((ms) => ms > 0, { error: 'must be longer than nothing' })
      .prefault('365d')
      .describe('How long an account lasts, from its start or its last renewal.'),
    renew_at: duration()
      .prefault('30d')
      .describe('How long before the end a link for the renewal is mailed, where mail is set up.'),
  })
  .prefault({})
  .describe(
    'Accounts that end. Administrators, users of application services, and bots (accounts with a user type) never do.',
  )

import { z } from 'zod'
import { secret } from './fields.ts'

/** A slash at the end means something to the receiver. */
const webhookUrl = z.string().refine((value) => /^https?:$/.test(URL.parse(value)?.protocol ?? ''), {
  error: 'must be an address such as https://example.org/hook',
})

/** What webhooks are told of. */
export const webhookEvents = ['call.missed', 'note.left', 'transcript.ready'] as const

const webhook = z.strictObject({
  url: webhookUrl.describe('Where the events are posted.').meta({ example: 'https://example.org/hook' }),
  secret: secret()
    .optional()
    .describe('Signs every request, so that the receiver knows whom it is from.')
    .meta({ example: 'a long random string', secret: true }),
  events: z
    .array(z.enum(['*', ...webhookEvents]))
    .min(1)
    .default(['*'])
    .describe(`The names of the events that are sent: ${webhookEvents.join(', ')}, or * for all.`),
})

export const webhooks = z.array(webhook).prefault([]).describe('Addresses that are told about calls and notes.')

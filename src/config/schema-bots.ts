import { z } from 'zod'
import { duration, filePath, httpUrl, localpart, secret, text } from './fields.ts'

const voicemail = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Ask callers for a voice or video note when nobody answers.'),
    localpart: localpart().default('voicemail').describe('The user name of the bot that asks.'),
    max_length: duration().prefault('30s').describe('The longest note.'),
    link_lifetime: duration().prefault('10m').describe('How long the link to the recorder works.'),
    prompt_on: z
      .array(z.enum(['timeout', 'busy', 'cancelled', 'declined']))
      .default(['timeout', 'busy', 'cancelled', 'declined'])
      .describe('After which calls to ask.'),
  })
  .prefault({})
  .describe('Notes after missed calls.')

const assistant = z
  .strictObject({
    enabled: z.boolean().default(true).describe('Run the built-in assistant.'),
    localpart: localpart().default('assistant').describe('The user name of the assistant.'),
    transcribe: z
      .enum(['request', 'notes', 'all'])
      .default('notes')
      .describe(
        'What it writes down: what it is asked to, notes after missed calls, or every voice message in its rooms.',
      ),
  })
  .prefault({})
  .describe('The assistant answers commands in rooms to which somebody invited it.')

function models<const K extends readonly [string, ...string[]]>(kinds: K, what: string) {
  const model = z.strictObject({
    name: text().describe('A name of your choice, shown in messages.').meta({ example: 'my model' }),
    kind: z
      .enum(kinds)
      .describe(`One of ${kinds.join(', ')}.`)
      .meta({ example: kinds[0] }),
    url: httpUrl()
      .optional()
      .describe('The address of the service, where it is not the usual one.')
      .meta({ example: 'http://127.0.0.1:8080/v1' }),
    api_key: secret().optional().describe('The key for the service.').meta({ example: 'sk-...', secret: true }),
    model: text().optional().describe('The name of the model at the service.').meta({ example: 'model-name' }),
    options: z.record(z.string(), z.unknown()).default({}).describe('Settings of that kind of service.'),
  })
  return z.array(model).prefault([]).describe(what)
}

export const quota = z
  .strictObject({
    images_per_user_day: z.int().min(0).default(10).describe('Pictures that one person may ask for in a day.'),
    images_per_user_minute: z.int().min(0).default(2).describe('Pictures that one person may ask for in a minute.'),
    images_per_room_day: z.int().min(0).default(30).describe('Pictures that may be made in one room in a day.'),
    budget_cents_month: z
      .int()
      .min(0)
      .optional()
      .describe('What all models together may cost in a month, in cents. Default: unlimited.')
      .meta({ example: 1000 }),
  })
  .prefault({})
  .describe('Limits for what costs money.')

const external = z.strictObject({
  path: filePath().describe('A module that exports a bot.').meta({ example: './my-bot.ts' }),
  config: z.record(z.string(), z.unknown()).default({}).describe('Settings that are handed to it.'),
})

export const bots = z
  .strictObject({
    voicemail,
    assistant,
    models: z
      .strictObject({
        image: models(
          ['openai', 'flux', 'replicate', 'fal', 'comfyui', 'automatic1111', 'midjourney-proxy', 'preview'],
          'Models that make pictures.',
        ),
        transcription: models(
          ['openai', 'deepgram', 'elevenlabs', 'sherpa-onnx', 'command'],
          'Models that turn speech into text.',
        ),
        text: models(['openai'], 'Models that write.'),
      })
      .prefault({})
      .describe('Models. The first of each list is used, the next when it fails.'),
    quota,
    external: z.array(external).prefault([]).describe('Bots of your own.'),
  })
  .prefault({})
  .describe('Bots.')

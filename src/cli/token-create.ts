import { parseDuration } from '../util/duration.ts'
import { type Command, UsageError } from './command.ts'

export const tokenCreate: Command = {
  name: 'token create',
  usage: '[--uses N] [--expires D]',
  summary: 'Make a registration token and print it.',
  details: [
    'Whoever has it can register once registration.enabled and registration.require_token are true.',
    '--uses: how many accounts it is good for; default any number. --expires: how long, such as 7d; default for ever.',
  ],
  options: { uses: { type: 'string' }, expires: { type: 'string' } },
  async run({ options, configFile }, { stdout }) {
    const wanted = { ...usesOf(options.uses), ...expiryOf(options.expires) }
    // Loaded when it is called, so that help and typos are answered at once.
    const { withAccounts } = await import('./with-accounts.ts')
    const token = await withAccounts(configFile, ({ registrationTokens }) => registrationTokens.create(wanted))
    stdout.write(`${token}\n`)
    return 0
  },
}

function usesOf(text: string | boolean | undefined): { usesAllowed?: number } {
  if (text === undefined) return {}
  const uses = Number(text)
  if (!Number.isInteger(uses) || uses < 1) throw new UsageError('--uses must be a whole number of at least 1.')
  return { usesAllowed: uses }
}

function expiryOf(text: string | boolean | undefined): { expiresInMs?: number } {
  if (text === undefined) return {}
  const expiresInMs = parseDuration(String(text))
  if (expiresInMs === undefined) throw new UsageError('--expires must be a duration such as 12h or 7d.')
  return { expiresInMs }
}

import { text } from 'node:stream/consumers'
import { type Command, UsageError } from './command.ts'

export const userCreate: Command = {
  name: 'user create',
  usage: 'NAME --password-stdin [--admin]',
  summary: 'Make an account and print its user id.',
  details: ['The password is the first line of standard input. It works while the server runs.'],
  options: { 'password-stdin': { type: 'boolean' }, admin: { type: 'boolean' } },
  positionals: ['NAME'],
  async run({ options, positionals, configFile }, { stdin, stdout }) {
    if (!options['password-stdin'])
      throw new UsageError('Give --password-stdin and write the password to standard input.')
    const [name = ''] = positionals
    const password = (await text(stdin)).split(/\r?\n/, 1)[0] ?? ''
    // Loaded when it is called, so that help and typos are answered at once.
    const { withAccounts } = await import('./with-accounts.ts')
    const { userId } = await withAccounts(configFile, ({ registration }) =>
      registration.register({ username: name, password, isAdmin: options.admin === true, device: undefined }),
    )
    stdout.write(`${userId}\n`)
    return 0
  },
}

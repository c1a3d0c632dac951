import { readRegistrations } from '../accounts/appservices/read-registrations.ts'
import { ConfigError } from '../config/config-error.ts'
import { loadConfig } from '../config/load.ts'
import type { Command } from './command.ts'

export const configCheck: Command = {
  name: 'config check',
  usage: '',
  summary: 'Check the configuration and list everything that is wrong with it.',
  async run({ configFile }, { stdout, stderr }) {
    try {
      const { config, source, warnings } = loadConfig(configFile === undefined ? {} : { file: configFile })
      readRegistrations(config.appservices.registration_files)
      for (const warning of warnings) stderr.write(`Warning: ${warning}\n`)
      const from = source ?? 'the defaults and the environment'
      stdout.write(`The configuration from ${from} is fine: ${config.server_name} at ${config.public_url}\n`)
      return 0
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      for (const problem of error.problems) stderr.write(`${problem}\n`)
      return 1
    }
  },
}

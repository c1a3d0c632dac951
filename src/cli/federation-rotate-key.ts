import type { Command } from './command.ts'

export const federationRotateKey: Command = {
  name: 'federation rotate-key',
  usage: '',
  summary: 'Make a new signing key; stop the server first.',
  details: [
    'The former key signs no more, and stays published so that what it signed can still be checked.',
    'Other servers learn the new key when they see the first event that it signed. Start the server again afterwards.',
  ],
  async run({ configFile }, { stdout }) {
    // Loaded when it is called, so that help and typos are answered at once.
    const { loadConfig } = await import('../config/load.ts')
    const { rotateSigningKeys } = await import('../config/signing-key.ts')
    const { lockDatabase } = await import('../db/process-lock.ts')
    const { systemClock } = await import('../util/clock.ts')
    const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
    // A server that runs would go on signing with a key that is no longer valid.
    const lock = await lockDatabase(config.database.url, config.data_dir)
    try {
      const { current, old } = rotateSigningKeys(config.data_dir, systemClock.now())
      stdout.write(`The signing key is ${current[0].keyId} now, and ${old[0]?.keyId} is an old one.\n`)
      return 0
    } finally {
      await lock.release()
    }
  },
}

import type { Command } from './command.ts'

export const federationCheck: Command = {
  name: 'federation check',
  usage: 'SERVER',
  summary: 'Explain how another server is found, and what is wrong with it.',
  details: [
    'Goes through discovery, TLS, keys and clock as federation does, with the configuration of this server.',
    'The exit code is 1 where something is wrong. Run it elsewhere for the name of this server to see what others see.',
  ],
  positionals: ['SERVER'],
  async run({ configFile, positionals }, { stdout }) {
    // Loaded when it is called, so that help and typos are answered at once.
    const { loadConfig } = await import('../config/load.ts')
    const { createFederationNetwork } = await import('../compose-federation.ts')
    const { createDiscover } = await import('../federation/client/discovery/discover.ts')
    const { createWellKnown } = await import('../federation/client/discovery/well-known.ts')
    const { createServerPolicy } = await import('../federation/client/policy.ts')
    const { checkServer } = await import('../federation/client/check.ts')
    const { systemClock: clock } = await import('../util/clock.ts')
    const { config } = loadConfig(configFile === undefined ? {} : { file: configFile })
    const { enabled, allowed_servers: allowed, denied_servers: denied } = config.federation
    const { dns, fetch, ports } = createFederationNetwork(config)
    const wellKnown = createWellKnown({ fetch, clock, port: ports.https })
    const discover = createDiscover({ wellKnown, dns, defaultPort: ports.matrix })
    const isAllowed = createServerPolicy({ enabled, allowed, denied })
    let isFine = true
    for await (const finding of checkServer({ discover, fetch, clock, isAllowed }, positionals[0] ?? '')) {
      isFine &&= finding.isFine
      stdout.write(`${finding.isFine ? 'ok   ' : 'WRONG'}  ${finding.text}\n`)
    }
    fetch.close()
    return isFine ? 0 : 1
  },
}

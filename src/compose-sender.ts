import type { AppContext, Core } from './context.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import { createFederationSender, type FederationSender } from './federation/sender/sender.ts'
import type { Jobs } from './jobs/jobs.ts'

interface Deps extends Pick<AppContext, 'media' | 'rooms' | 'e2ee' | 'presence'> {
  readonly jobs: Jobs
}

/** What goes to other servers of our own accord. The requests of those say that they are there. */
export function composeSender(
  core: Core,
  federation: FederationClient,
  { jobs, media, rooms, e2ee, presence }: Deps,
): { sender: FederationSender; federation: FederationClient } {
  const { enabled, send_presence: sendPresence } = core.config.federation
  const sender = createFederationSender({
    ...core,
    enabled,
    transport: federation.transport,
    jobs,
    media,
    rooms,
    e2ee,
    presence: sendPresence ? presence.news : undefined,
  })
  jobs.handle('federation.sweep', sender.sweep)
  jobs.schedule('23 5 * * *', 'federation.sweep')
  const authentication = { ...federation.authentication, heardFrom: sender.heardFrom }
  return { sender, federation: { ...federation, authentication } }
}

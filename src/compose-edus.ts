import type { AppContext, Core } from './context.ts'
import type { FederationClient } from './federation/client/federation-client.ts'
import { redactionType } from './federation/sender/media/media-redactions.ts'
import type { FederationSender } from './federation/sender/sender.ts'
import { createListFetcher } from './federation/server/devices/list-fetcher.ts'
import { createRemoteDeviceLists } from './federation/server/devices/remote-device-lists.ts'
import { createRemoteKeys } from './federation/server/devices/remote-keys.ts'
import { createDeviceListEdu, createSigningKeyEdu } from './federation/server/edus/device-edus.ts'
import { createEdus, type Edus } from './federation/server/edus/edus.ts'
import { createMediaEdu } from './federation/server/edus/media-edu.ts'
import { createPresenceEdu } from './federation/server/edus/presence-edu.ts'
import { createReceiptEdu } from './federation/server/edus/receipt-edu.ts'
import { createToDeviceEdu } from './federation/server/edus/to-device-edu.ts'
import { createTypingEdu } from './federation/server/edus/typing-edu.ts'
import type { Jobs } from './jobs/jobs.ts'
import type { Part } from './util/part.ts'

interface Deps extends Pick<AppContext, 'media' | 'rooms' | 'e2ee' | 'presence'> {
  readonly jobs: Jobs
  readonly sender: FederationSender
}

export interface RemotePresence {
  readonly edus: Edus
  /** Resolves when device lists of other servers are fetched, or wait for another try. */
  drainDeviceLists(): Promise<void>
  readonly part: Part
}

/** What other servers say of their users: who types and reads, who is there, which devices they have. */
export function composeEdus(core: Core, federation: FederationClient, deps: Deps): RemotePresence {
  const { jobs, rooms, e2ee, sender, presence } = deps
  const parts = { ...core, ...deps, transport: federation.transport, sharesRoom: sender.sharesRoom }
  const fetcher = createListFetcher(parts)
  const lists = createRemoteDeviceLists({ ...parts, fetchNow: fetcher.fetchNow })
  const receipts = createReceiptEdu(parts)
  const toDevice = createToDeviceEdu(parts)
  const edus = createEdus(core)
  edus.handle('m.typing', createTypingEdu(parts))
  edus.handle('m.receipt', receipts.handle)
  edus.handle('m.presence', createPresenceEdu({ ...parts, presence }))
  edus.handle('m.device_list_update', createDeviceListEdu(lists))
  for (const type of ['m.signing_key_update', 'org.matrix.signing_key_update']) {
    edus.handle(type, createSigningKeyEdu(lists))
  }
  edus.handleAll('m.direct_to_device', toDevice.handleAll)
  for (const type of ['m.media_redaction', redactionType]) edus.handle(type, createMediaEdu(deps))
  if (core.config.federation.enabled) {
    rooms.onPersist(lists.hook)
    rooms.onPersist(receipts.hook)
    e2ee.useRemote(createRemoteKeys({ ...parts, lists }))
  }
  jobs.handle('federation.sweep-messages', toDevice.sweep)
  jobs.schedule('33 5 * * *', 'federation.sweep-messages')
  return { edus, drainDeviceLists: fetcher.drain, part: fetcher.part }
}

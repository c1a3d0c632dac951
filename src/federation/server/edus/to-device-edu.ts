import { z } from 'zod'
import type { Database, Tx } from '../../../db/database.ts'
import type { E2ee } from '../../../e2ee/e2ee.ts'
import { toNested } from '../../../e2ee/nested.ts'
import { MatrixError } from '../../../matrix/errors.ts'
import type { JsonObject } from '../../../matrix/event.ts'
import { isUserId, type ServerName, serverOf } from '../../../matrix/ids.ts'
import type { Clock } from '../../../util/clock.ts'
import type { Log } from '../../../util/log.ts'
import type { EduBatchHandler } from './edus.ts'
import { parseEdu, requireUserOf, userId } from './parse-edu.ts'
import { deleteReceivedBefore, insertReceivedMessage } from './store-received-messages.ts'

const schema = z.object({
  sender: userId,
  type: z.string().max(255),
  message_id: z.string().max(255),
  messages: z.record(z.string(), z.record(z.string(), z.record(z.string(), z.json()))),
})

interface Deps {
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: Clock
  readonly log: Log
  readonly e2ee: Pick<E2ee, 'toDevice'>
}

export interface ToDeviceEdu {
  readonly handleAll: EduBatchHandler
  /** Forgets which messages came long ago. */
  sweep(): Promise<void>
}

/** Devices that one message can be for, `*` counting as one. */
const maxTargets = 10_000
/** How long a server may take until it repeats a message, in ms: as long as it is waited for itself. */
const rememberedFor = 31 * 24 * 3_600_000

/** https://spec.matrix.org/v1.19/server-server-api/#send-to-device-messaging */
export function createToDeviceEdu({ serverName, db, clock, log, e2ee }: Deps): ToDeviceEdu {
  async function deliver(tx: Tx, origin: ServerName, content: JsonObject): Promise<void> {
    const { sender, type, message_id: messageId, messages } = parseEdu(schema, content)
    requireUserOf(origin, sender)
    if (!(await insertReceivedMessage(tx, { sender, messageId, ts: clock.now() }))) return
    const own = Object.entries(messages).filter(([user]) => isUserId(user) && serverOf(user) === serverName)
    const targets = own.reduce((count, [, devices]) => count + Object.keys(devices).length, 0)
    if (targets > maxTargets) return log.warn({ origin, targets }, 'a message is for too many devices')
    const nested = toNested<JsonObject, JsonObject>(Object.fromEntries(own), (message) => message)
    await e2ee.toDevice.deliver(tx, { sender, type, messages: nested })
  }

  return {
    handleAll: async (origin, contents) => {
      // Writes run in the order in which they are asked for.
      const results = await Promise.allSettled(
        contents.map((content) => db.write('message of another server', (tx) => deliver(tx, origin, content))),
      )
      for (const result of results) {
        if (result.status === 'fulfilled') continue
        const reason: unknown = result.reason
        if (!(reason instanceof MatrixError)) throw reason
        log.debug({ origin, reason: reason.message }, 'a message for devices is passed over')
      }
    },
    sweep: () => db.write('sweep messages', (tx) => deleteReceivedBefore(tx, clock.now() - rememberedFor)),
  }
}

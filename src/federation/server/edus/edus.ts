import { MatrixError } from '../../../matrix/errors.ts'
import type { Json, JsonObject } from '../../../matrix/event.ts'
import type { ServerName } from '../../../matrix/ids.ts'
import type { Log } from '../../../util/log.ts'

/** What does not stand is passed over by throwing a `MatrixError`; any other error makes the sender repeat the transaction. */
export type EduHandler = (origin: ServerName, content: JsonObject) => Promise<void>
export type EduBatchHandler = (origin: ServerName, contents: readonly JsonObject[]) => Promise<void>

/** What becomes of the EDUs of a transaction: https://spec.matrix.org/v1.19/server-server-api/#edus */
export interface Edus {
  /** One after the other, in their order. */
  handle(type: string, handler: EduHandler): void
  /** All of a transaction together. */
  handleAll(type: string, handler: EduBatchHandler): void
  /** Resolves when what must not be lost is on disk. Unknown types and malformed ones are ignored, and more than 100. */
  receive(origin: ServerName, edus: readonly Json[]): Promise<void>
}

const maxEdus = 100

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

export function createEdus({ log }: { log: Log }): Edus {
  const handlers = new Map<string, EduBatchHandler>()

  return {
    handle: (type, handler) => {
      handlers.set(type, async (origin, contents) => {
        for (const content of contents) {
          try {
            await handler(origin, content)
          } catch (error) {
            if (!(error instanceof MatrixError)) throw error
            log.debug({ origin, type, reason: error.message }, 'an EDU is passed over')
          }
        }
      })
    },
    handleAll: (type, handler) => void handlers.set(type, handler),
    receive: async (origin, edus) => {
      const byType = new Map<string, JsonObject[]>()
      for (const edu of edus.slice(0, maxEdus)) {
        if (!isObject(edu) || typeof edu.edu_type !== 'string' || !isObject(edu.content)) continue
        const contents = byType.get(edu.edu_type)
        if (contents) contents.push(edu.content)
        else byType.set(edu.edu_type, [edu.content])
      }
      await Promise.all([...byType].map(([type, contents]) => handlers.get(type)?.(origin, contents)))
    },
  }
}

import type { Json, JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'

/** A user-interactive authentication under way. */
export interface UiaSession {
  readonly sessionId: string
  /** Method, endpoint and path parameters: a session is good for nothing else. */
  readonly operation: string
  /** Who makes the request; undefined while nobody is logged in. */
  readonly userId: UserId | undefined
  /** The request's body without `auth`: later requests may leave it out, but not change it. */
  readonly body: JsonObject
  /** The stages that are done, each with what its check returned. */
  readonly completed: Readonly<Record<string, Json>>
  /** In ms since 1970. */
  readonly expiresAt: number
}

/** Where sessions are kept. Expired ones may be deleted at any time. */
export interface UiaStore {
  insert(session: UiaSession): Promise<void>
  get(sessionId: string): Promise<UiaSession | undefined>
  setBody(sessionId: string, body: JsonObject): Promise<void>
  /** Records a stage as done; one that is done already keeps its result. */
  addCompleted(sessionId: string, stage: string, result: Json): Promise<void>
  /** Deletes the session; true for the one caller that deleted it. */
  take(sessionId: string): Promise<boolean>
}

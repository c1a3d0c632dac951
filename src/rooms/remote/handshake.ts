import { RemoteError } from '../../federation/client/ports.ts'
import { requestTemplate, type TemplateAction } from '../../federation/client/requests-membership.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import type { EventId, RoomId, ServerName, UserId } from '../../matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../matrix/room-versions.ts'
import { randomString } from '../../util/random.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { completeTemplate } from './template.ts'
import { UnusableAnswer } from './try-servers.ts'

/** What a user of ours wants of a room on another server. */
export interface Wish {
  readonly action: TemplateAction
  readonly roomId: RoomId
  readonly userId: UserId
  /** Of the member event, beside its membership. */
  readonly content: JsonObject
  /** In ms since 1970; default now. */
  readonly sentTs?: number | undefined
  readonly timeoutMs?: number
  /** The server has failed before, and is asked as the last that is left. */
  readonly isLastHope?: boolean
  /** Of an administrator, who may join rooms of any size. */
  readonly isUnlimited?: boolean | undefined
}

export interface PreparedEvent {
  readonly rules: RoomVersionRules
  readonly event: IdentifiedPdu
}

/** Several servers may have to be asked while somebody waits. */
const templateTimeoutMs = 15_000

/** Room versions whose servers did not name them. */
const unnamedVersion = '1'

/** Has another server place a member event in its room, and signs it. Throws what `tryServers` goes on after. */
export async function prepareEvent(
  { transport, serverName, signingKey, clock }: RemoteDeps,
  server: ServerName,
  { action, roomId, userId, content, sentTs, isLastHope = false, timeoutMs = templateTimeoutMs }: Wish,
): Promise<PreparedEvent> {
  const { roomVersion = unnamedVersion, event: template } = await requestTemplate(transport, action, {
    destination: server,
    roomId,
    userId,
    timeoutMs,
    isAwaited: isLastHope,
  })
  const rules = getRoomVersionRules(roomVersion)
  if (rules === undefined) {
    const text = 'This server does not support the version of that room'
    throw new RemoteError(server, 400, 'M_INCOMPATIBLE_ROOM_VERSION', text, { room_version: roomVersion })
  }
  const wanted = {
    roomId,
    userId,
    membership: action,
    content,
    originServerTs: sentTs ?? clock.now(),
    newEventId: `$${randomString(24)}:${serverName}` as EventId,
  }
  const verdict = completeTemplate(template, wanted, rules, serverName, signingKey)
  if (!verdict.valid) throw new UnusableAnswer(`${server} offered a template that was not asked for: ${verdict.reason}`)
  return { rules, event: verdict.event }
}

import { RemoteError } from '../../federation/client/ports.ts'
import { requestComplexity, sendLeave } from '../../federation/client/requests-membership.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import { prepareEvent, type Wish } from './handshake.ts'
import type { RemoteDeps } from './remote-deps.ts'
import { toJson } from './template.ts'
import { UnusableAnswer } from './try-servers.ts'

/** So many state events count as one: the unit in which servers tell each other how large a room is. */
export const complexityUnit = 500
const askTimeoutMs = 10_000

/** Another server may say otherwise. */
const tooComplex = (server: ServerName) =>
  new RemoteError(server, 403, 'M_RESOURCE_LIMIT_EXCEEDED', 'The room is too large for this server')

const isOfOthers = (error: unknown) =>
  error instanceof RemoteError || error instanceof FetchError || error instanceof UnusableAnswer

/** Throws `403 M_RESOURCE_LIMIT_EXCEEDED` for a room that is too large, as the other server says. Most say nothing. */
export async function requireSimple(deps: RemoteDeps, server: ServerName, { roomId }: Wish): Promise<void> {
  const { transport, maxComplexity } = deps
  if (maxComplexity === undefined) return
  try {
    const target = { destination: server, timeoutMs: askTimeoutMs }
    if ((await requestComplexity(transport, { ...target, roomId })) <= maxComplexity) return
  } catch (error) {
    if (isOfOthers(error)) return
    throw error
  }
  throw tooComplex(server)
}

/** The same by the state that came with a join, which is taken back. */
export async function requireSmall(
  deps: RemoteDeps,
  server: ServerName,
  wish: Wish,
  stateEvents: number,
): Promise<void> {
  if (deps.maxComplexity === undefined || stateEvents / complexityUnit <= deps.maxComplexity) return
  const { roomId } = wish
  try {
    const { event } = await prepareEvent(deps, server, { ...wish, action: 'leave', content: {} })
    const sent = { destination: server, roomId, eventId: event.eventId, body: toJson(event.pdu) }
    await sendLeave(deps.transport, sent)
  } catch (error) {
    if (!isOfOthers(error)) throw error
    deps.log.warn({ err: error, roomId, server }, 'a room that is too large could not be left again')
  }
  throw tooComplex(server)
}

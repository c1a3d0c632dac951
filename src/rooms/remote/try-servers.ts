import { RemoteError } from '../../federation/client/ports.ts'
import { errors, MatrixError } from '../../matrix/errors.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { FetchError } from '../../util/fetch-error.ts'
import type { Log } from '../../util/log.ts'

/** What another server answered cannot be used. */
export class UnusableAnswer extends Error {
  override name = 'UnusableAnswer'
}

/** So many servers that have failed before are asked all the same where no other helps. */
const mostHopes = 3

/**
 * Asks one server after another until one does what is wanted; those that have failed a while ago come last. Throws what tells the user most of all refusals: `403`
 * before other refusals, those before `404`, and `502` where no server gave a usable answer.
 */
export async function tryServers<T>(
  servers: readonly ServerName[],
  log: Log,
  ask: (server: ServerName, isLastHope: boolean) => Promise<T>,
): Promise<T> {
  if (servers.length === 0) throw errors.notFound('This server does not know that room, nor a server that does')
  const refusals: RemoteError[] = []
  let resting: ServerName[] = []
  for (const isLastHope of [false, true]) {
    const round = isLastHope ? resting.slice(0, mostHopes) : servers
    resting = []
    for (const server of round) {
      try {
        return await ask(server, isLastHope)
      } catch (error) {
        if (error instanceof RemoteError) refusals.push(error)
        else if (!(error instanceof FetchError || error instanceof UnusableAnswer)) throw error
        if (error instanceof FetchError && error.failure === 'backing_off') resting.push(server)
        log.info({ server, reason: error.message }, 'another server did not help with a room')
      }
    }
  }
  throw asAnswer(refusals)
}

/** What refusals may have our clients told, beside `403` and `404`: all else could make them do odd things. */
const passedOn: ReadonlySet<string> = new Set([
  'M_INCOMPATIBLE_ROOM_VERSION',
  'M_UNSUPPORTED_ROOM_VERSION',
  'M_UNABLE_TO_AUTHORISE_JOIN',
  'M_UNABLE_TO_GRANT_JOIN',
  'M_INVITE_BLOCKED',
  'M_RESOURCE_LIMIT_EXCEEDED',
])
const longestText = 300

const rank = ({ status, errcode }: RemoteError): number => {
  if (status === 403) return 0
  if (status === 400 && passedOn.has(errcode)) return 1
  return status === 404 ? 2 : 3
}

/** The answer to our client after these refusals. Faults of our request to the other server are none of the client's. */
export function asAnswer(refusals: readonly RemoteError[]): MatrixError {
  const [worst] = refusals.toSorted((a, b) => rank(a) - rank(b))
  const text = worst?.message.slice(0, longestText) ?? 'No server that knows the room could be reached'
  if (worst === undefined || rank(worst) === 3) return new MatrixError(502, 'M_UNKNOWN', text)
  if (worst.status === 404) return errors.notFound(text)
  const { room_version: version } = worst.body
  const errcode = passedOn.has(worst.errcode) ? worst.errcode : 'M_FORBIDDEN'
  return new MatrixError(worst.status, errcode, text, typeof version === 'string' ? { room_version: version } : {})
}

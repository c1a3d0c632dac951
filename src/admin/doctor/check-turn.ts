import type { UserId } from '../../matrix/ids.ts'
import { probeTurn, TurnProbeError } from '../../util/turn/turn-probe.ts'
import type { Turn } from '../../voip/turn.ts'
import { type Finding, findingsOf } from './finding.ts'

const { fine, bad } = findingsOf('turn')

/** Has each TURN server give a relay, as the app of a caller does. */
export async function* checkTurn(turn: Turn, userId: UserId): AsyncGenerator<Finding> {
  const credentials = turn.credentials(userId)
  if (credentials === undefined) {
    yield fine('There is no TURN server (voip.turn): calls of two work only where no firewall is in between.')
    return
  }
  for (const uri of credentials.uris) {
    try {
      yield fine(`${uri} gives the relay ${await probeTurn(uri, credentials)}.`)
    } catch (error) {
      if (!(error instanceof TurnProbeError)) throw error
      yield bad(`${uri} gives no relay: ${error.message}.`)
    }
  }
}

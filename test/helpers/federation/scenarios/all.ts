import * as membership from './membership.ts'
import * as queries from './queries.ts'
import type { Scenario } from './side.ts'
import * as talking from './talking.ts'

/** What must work between any two servers, by what it is called in the names of tests. */
export const scenarios: readonly (readonly [name: string, run: Scenario])[] = [
  ['messages both ways', talking.messagesBothWays],
  ['redactions and edits', talking.redactionsAndEdits],
  ['typing and receipts', talking.typingAndReceipts],
  ['history from before the join', talking.history],
  ['an invitation that is accepted', membership.invitationAccepted],
  ['an invitation that is refused', membership.invitationRefused],
  ['an invitation that is taken back', membership.invitationTakenBack],
  ['a direct chat', membership.directChat],
  ['a knock', membership.knock],
  ['a restricted room', membership.restricted],
  ['kick, ban and unban', membership.kickAndBan],
  ['power levels', membership.powerLevels],
  ['leaving and returning', membership.leaveAndReturn],
  ['aliases and the room directory', queries.aliasAndDirectory],
  ['profiles', queries.profile],
  ['media', queries.media],
]

import type { Scenario } from '../scenario.ts'
import { callReactions } from './call-reactions.ts'
import { disk } from './disk.ts'
import { federationIn } from './federation-in.ts'
import { federationJoin } from './federation-join.ts'
import { federationOut } from './federation-out.ts'
import { federationState } from './federation-state.ts'
import { history } from './history.ts'
import { initialSync } from './initial-sync.ts'
import { media } from './media.ts'
import { mediaSweep } from './media-sweep.ts'
import { mediaThumbnails } from './media-thumbnails.ts'
import { polls } from './polls.ts'
import { push } from './push.ts'
import { responsiveness } from './responsiveness.ts'
import { search } from './search.ts'
import { send } from './send.ts'
import { sendToSync } from './send-to-sync.ts'
import { start } from './start.ts'
import { voicemail } from './voicemail.ts'

/** Every scenario, in the order in which they are run. */
export const SCENARIOS: readonly Scenario[] = [
  start,
  send,
  sendToSync,
  callReactions,
  responsiveness,
  polls,
  push,
  initialSync,
  history,
  search,
  media,
  mediaThumbnails,
  mediaSweep,
  voicemail,
  disk,
  federationIn,
  federationOut,
  federationJoin,
  federationState,
]

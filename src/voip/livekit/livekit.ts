import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import type { PersistHook } from '../../rooms/types.ts'
import { type AdmissionDeps, type Candidate, createAdmission, type Ticket } from './admission.ts'
import { createDelegations, type DelegationsDeps } from './departures/delegations.ts'
import { createEvictions, type EvictionsDeps } from './departures/evictions.ts'
import { createLeaver, type LeaverDeps } from './departures/leaver.ts'
import { createNativeTokens, type NativeTokens, type NativeTokensDeps } from './native.ts'
import { createParticipants, type Participants } from './participants/participants.ts'
import { createProve, type ProofDeps } from './proof.ts'
import { createReceiveWebhook, type ReceiveWebhook, type ReceiveWebhookDeps } from './receive-webhook.ts'
import { type SfuProxy, sfuPath } from './sfu/sfu-proxy.ts'
import { type Applicant, servicePath, transportOf } from './wire.ts'

/** Lets members of rooms into the calls of those rooms, and knows who is in them. */
export interface Livekit {
  readonly participants: Participants
  /** What clients find calls by. */
  transports(): JsonObject[]
  /** The same for those who ask, with what clients to come will look for. */
  discovery(): JsonObject
  /** What the applicant joins the call with. Throws `M_UNAUTHORIZED` for whoever is not proven to be in the room. */
  admit(applicant: Applicant): Promise<Ticket>
  /** Takes over the leave of an applicant. Throws as `admit` does, and `M_INVALID_PARAM`. */
  delegate(applicant: Applicant & { readonly delayId: string }): Promise<void>
  /** The same for who is logged in. */
  readonly native: NativeTokens
  readonly receiveWebhook: ReceiveWebhook
  /** Undefined: LiveKit is not reached by way of this server. */
  readonly proxy: SfuProxy | undefined
  readonly onPersist: PersistHook
}

type Made =
  | 'participants'
  | 'delegations'
  | 'url'
  | 'settings'
  | 'admission'
  | 'isOurUrl'
  | 'serviceUrl'
  | 'leaveAfter'
  | 'isLocalUser'

export interface LivekitDeps
  extends ProofDeps,
    Omit<AdmissionDeps, Made>,
    Omit<ReceiveWebhookDeps, Made>,
    Omit<DelegationsDeps, Made>,
    Omit<EvictionsDeps, Made>,
    Omit<LeaverDeps, Made>,
    Omit<NativeTokensDeps, Made> {
  readonly serverName: ServerName
  readonly accounts: ProofDeps['accounts'] & AdmissionDeps['accounts']
  readonly sender: ProofDeps['sender']
  readonly reads: AdmissionDeps['reads'] & LeaverDeps['reads']
  readonly settings: AdmissionDeps['settings'] & { readonly leave_after: number }
  readonly proxy: SfuProxy | undefined
  publicUrl(): string
}

export function createLivekit(deps: LivekitDeps): Livekit {
  const { settings, accounts } = deps
  const participants = createParticipants()
  const delegations = createDelegations({ ...deps, participants })
  const evictions = createEvictions({ ...deps, participants })
  const leave = createLeaver({
    ...deps,
    participants,
    leaveAfter: settings.leave_after,
    isLocalUser: accounts.isLocalUser,
    serviceUrl: () => deps.publicUrl() + servicePath,
  })
  for (const hook of [delegations.hook, evictions.onParticipant, leave]) participants.onChange(hook)
  const prove = createProve(deps)
  const url = () => settings.url ?? deps.publicUrl().replace(/^http/, 'ws') + sfuPath
  const transports = () => [transportOf(deps.publicUrl())]
  const admission = createAdmission({ ...deps, participants, delegations, url })
  const trimmed = (address: string) => address.replace(/\/+$/, '')

  async function requireMember(applicant: Applicant): Promise<Candidate> {
    const { roomId, slotId, deviceId } = applicant
    const userId = await prove(applicant)
    // One answer for all, so that nobody learns who is in which room.
    if (userId === undefined || !(await admission.isMember({ roomId, userId }))) {
      throw errors.unauthorized('The token does not prove that this is a member of the room')
    }
    return { userId, roomId, slotId, identity: applicant.identityOf(userId), deviceId, canPublish: true }
  }

  return {
    participants,
    transports,
    discovery: () => ({ rtc_transports: transports(), transports: [{ type: 'm.livekit', url: url() }] }),
    admit: async (applicant) => {
      const candidate = await requireMember(applicant)
      // The delays of other servers are theirs to restart.
      const delayId = accounts.isLocalUser(candidate.userId) ? applicant.delayId : undefined
      return admission.admit(candidate, delayId)
    },
    delegate: async (applicant) => admission.delegate(await requireMember(applicant), applicant.delayId),
    native: createNativeTokens({ ...deps, admission, isOurUrl: (other) => trimmed(other) === trimmed(url()) }),
    proxy: deps.proxy,
    receiveWebhook: createReceiveWebhook({ ...deps, participants }),
    onPersist: evictions.onPersist,
  }
}

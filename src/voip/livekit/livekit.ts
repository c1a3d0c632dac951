import { errors } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/event.ts'
import type { ServerName } from '../../matrix/ids.ts'
import { type AdmissionDeps, createAdmission, type Ticket } from './admission.ts'
import { createParticipants, type Participants } from './participants/participants.ts'
import { createProve, type ProofDeps } from './proof.ts'
import { createReceiveWebhook, type ReceiveWebhook, type ReceiveWebhookDeps } from './receive-webhook.ts'
import { type Applicant, transportOf } from './wire.ts'

/** Lets members of rooms into the calls of those rooms, and knows who is in them. */
export interface Livekit {
  readonly participants: Participants
  /** What clients find calls by. */
  transports(): JsonObject[]
  /** What the applicant joins the call with. Throws `M_UNAUTHORIZED` for whoever is not proven to be in the room. */
  admit(applicant: Applicant): Promise<Ticket>
  readonly receiveWebhook: ReceiveWebhook
}

export interface LivekitDeps
  extends ProofDeps,
    Omit<AdmissionDeps, 'participants' | 'url'>,
    Omit<ReceiveWebhookDeps, 'participants' | 'settings'> {
  readonly serverName: ServerName
  readonly accounts: ProofDeps['accounts'] & AdmissionDeps['accounts']
  readonly reads: AdmissionDeps['reads']
  publicUrl(): string
}

export function createLivekit(deps: LivekitDeps): Livekit {
  const { settings } = deps
  const participants = createParticipants()
  const prove = createProve(deps)
  const admission = createAdmission({ ...deps, participants, url: () => settings.url })
  return {
    participants,
    transports: () => [transportOf(deps.publicUrl())],
    admit: async (applicant) => {
      const { roomId, slotId, deviceId } = applicant
      const userId = await prove(applicant)
      // One answer for all, so that nobody learns who is in which room.
      if (userId === undefined || !(await admission.isMember({ roomId, userId }))) {
        throw errors.unauthorized('The token does not prove that this is a member of the room')
      }
      const identity = applicant.identityOf(userId)
      return admission.admit({ userId, roomId, slotId, identity, deviceId, canPublish: true })
    },
    receiveWebhook: createReceiveWebhook({ ...deps, participants }),
  }
}

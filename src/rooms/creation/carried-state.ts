import type { Reader } from '../../db/database.ts'
import { isJsonObject } from '../../matrix/auth-state.ts'
import type { JsonObject, Pdu } from '../../matrix/event.ts'
import { membershipOf } from '../../matrix/member-content.ts'
import type { RoomVersionRules } from '../../matrix/room-versions.ts'
import type { RoomView } from '../room-view.ts'
import type { Room } from '../types.ts'
import type { InitialState } from './request.ts'

/** State that means the same whoever sent it: https://spec.matrix.org/v1.19/client-server-api/#room-upgrades */
const carriedTypes = [
  'm.room.server_acl',
  'm.room.encryption',
  'm.room.name',
  'm.room.avatar',
  'm.room.topic',
  'm.room.guest_access',
  'm.room.history_visibility',
  'm.room.policy',
  'm.room.image_pack',
  'm.space.child',
  'm.space.parent',
  'm.room.join_rules',
] as const

export interface CarriedState {
  readonly create: JsonObject
  readonly state: readonly InitialState[]
  readonly canonicalAlias: JsonObject | undefined
  /** Member events of banned users. */
  readonly bans: readonly { userId: string; content: JsonObject }[]
}

/** Everything of the old room that the new one takes over. */
export async function readCarriedState(
  reader: Reader,
  view: RoomView,
  room: Room,
  to: RoomVersionRules,
): Promise<CarriedState> {
  const all = (await view.all(reader, room.stateNid)).map(({ pdu }) => pdu)
  const state = carriedTypes.flatMap((type) =>
    all
      .filter((pdu) => pdu.type === type && Object.keys(pdu.content).length > 0)
      .map((pdu) => ({ type, stateKey: pdu.state_key ?? '', content: contentFor(pdu, to) })),
  )
  const canonical = all.find(({ type, state_key: key }) => type === 'm.room.canonical_alias' && key === '')
  return {
    create: all.find(({ type }) => type === 'm.room.create')?.content ?? {},
    state,
    canonicalAlias: canonical && Object.keys(canonical.content).length > 0 ? canonical.content : undefined,
    bans: all.flatMap((pdu) => {
      if (pdu.type !== 'm.room.member' || membershipOf(pdu) !== 'ban') return []
      const { reason } = pdu.content
      const content: JsonObject = typeof reason === 'string' ? { reason } : {}
      return [{ userId: pdu.state_key ?? '', content }]
    }),
  }
}

/** A join rule that the new version does not have would let nobody in, not even by invitation. */
function contentFor(pdu: Pdu, to: RoomVersionRules): JsonObject {
  if (pdu.type !== 'm.room.join_rules' || !isJsonObject(pdu.content)) return pdu.content
  const rule = pdu.content.join_rule
  const isKnown =
    (rule !== 'knock' || to.knock) &&
    (rule !== 'restricted' || to.restrictedJoin) &&
    (rule !== 'knock_restricted' || to.knockRestricted)
  return isKnown ? pdu.content : { join_rule: 'invite' }
}

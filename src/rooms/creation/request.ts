import type { JsonObject } from '../../matrix/event.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { AddressInvite } from '../third-party/address-invites.ts'

export type Preset = 'private_chat' | 'public_chat' | 'trusted_private_chat'

export interface InitialState {
  readonly type: string
  readonly stateKey: string
  readonly content: JsonObject
}

/** What `POST /createRoom` asks for, checked in form. https://spec.matrix.org/v1.19/client-server-api/#creation */
export interface CreateRoomRequest {
  readonly visibility?: 'public' | 'private' | undefined
  /** Localpart of an alias to be made. */
  readonly aliasName?: string | undefined
  readonly name?: string | undefined
  readonly topic?: string | undefined
  readonly invite?: readonly UserId[] | undefined
  readonly addressInvites?: readonly AddressInvite[] | undefined
  readonly roomVersion?: string | undefined
  readonly creationContent?: JsonObject | undefined
  readonly initialState?: readonly InitialState[] | undefined
  readonly preset?: Preset | undefined
  readonly isDirect?: boolean | undefined
  readonly powerLevels?: JsonObject | undefined
}

export function presetOf({ preset, visibility }: CreateRoomRequest): Preset {
  return preset ?? (visibility === 'public' ? 'public_chat' : 'private_chat')
}

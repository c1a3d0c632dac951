import { errors } from '../../matrix/errors.ts'
import type { IdentifiedPdu, JsonObject } from '../../matrix/event.ts'
import type { Stickiness } from '../../matrix/sticky.ts'
import type { Actor } from '../actor.ts'
import { checkCanonicalAlias } from '../directory/canonical-alias.ts'
import type { RoomDraft } from '../draft.ts'
import { setMember } from '../membership/set-member.ts'
import type { People } from '../people.ts'
import { appendState } from './append-state.ts'

export interface ClientState {
  readonly type: string
  readonly stateKey: string
  readonly content: JsonObject
  readonly originServerTs?: number | undefined
  readonly sticky?: Stickiness | undefined
}

/** State as a client sets it. `ownAliases` are aliases that the same change will point to the room. */
export async function appendClientState(
  draft: RoomDraft,
  people: People,
  actor: Actor,
  { type, stateKey, content, originServerTs, sticky }: ClientState,
  ownAliases?: readonly string[],
): Promise<IdentifiedPdu> {
  if (type === 'm.room.create') throw errors.unknown(400, 'A room has one create event, and the server writes it')
  if (type === 'm.room.member') {
    const dated = originServerTs === undefined ? actor : { ...actor, sentTs: originServerTs }
    return setMember(draft, people, dated, stateKey, content)
  }
  await people.requireActive(draft.reader, actor.userId)
  if (type === 'm.room.canonical_alias' && stateKey === '') await checkCanonicalAlias(draft, content, ownAliases)
  const template = { type, sender: actor.userId, stateKey, content, sticky }
  return appendState(draft, originServerTs === undefined ? template : { ...template, originServerTs })
}

import { errors } from '../../matrix/errors.ts'
import type { Json, JsonObject } from '../../matrix/event.ts'
import { isRoomAlias, type RoomAlias } from '../../matrix/ids.ts'
import type { RoomDraft } from '../draft.ts'
import { getAlias } from './store-aliases.ts'

/** All aliases that a content of `m.room.canonical_alias` names. Throws `400 M_INVALID_PARAM` for what is no alias. */
function aliasesIn(content: JsonObject): RoomAlias[] {
  const { alias, alt_aliases: alternatives } = content
  // An empty string is how some clients remove the alias.
  const main = alias === undefined || alias === null || alias === '' ? [] : [alias]
  const others = alternatives === undefined || alternatives === null ? [] : alternatives
  if (!Array.isArray(others)) throw errors.invalidParam('alt_aliases is not a list')
  return [...main, ...others].map(requireAlias)
}

function requireAlias(value: Json): RoomAlias {
  if (typeof value === 'string' && isRoomAlias(value)) return value
  throw errors.invalidParam(`${JSON.stringify(value)} is not a room alias`)
}

/**
 * Checks the aliases that a new `m.room.canonical_alias` adds. Throws `400 M_INVALID_PARAM` for malformed ones and
 * `400 M_BAD_ALIAS` for those that do not point to the room; `own` are about to.
 */
export async function checkCanonicalAlias(
  draft: RoomDraft,
  content: JsonObject,
  own: readonly string[] = [],
): Promise<void> {
  const before = (await draft.state('m.room.canonical_alias', ''))?.pdu.content ?? {}
  const known = new Set<Json | undefined>([before.alias, ...own])
  if (Array.isArray(before.alt_aliases)) for (const alias of before.alt_aliases) known.add(alias)
  for (const alias of aliasesIn(content)) {
    if (known.has(alias)) continue
    const found = await getAlias(draft.reader, alias)
    if (found === undefined || found.roomNid !== draft.room?.nid) {
      throw errors.badAlias(`${alias} does not point to this room`)
    }
  }
}

/** The content without an alias that is gone; undefined where it does not name it. */
export function withoutAlias(content: JsonObject, gone: string): JsonObject | undefined {
  const { alias, alt_aliases: alternatives, ...rest } = content
  const others = Array.isArray(alternatives) ? alternatives : []
  if (alias !== gone && !others.includes(gone)) return undefined
  const left = others.filter((one) => one !== gone)
  return {
    ...rest,
    ...(alias === undefined || alias === gone ? {} : { alias }),
    ...(left.length === 0 ? {} : { alt_aliases: left }),
  }
}

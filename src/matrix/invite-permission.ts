/** Which invitations a user takes, as the user's account data says. */
import { fieldOf } from './content.ts'
import type { JsonObject } from './event.ts'
import { matchesGlob } from './glob.ts'
import { type ServerName, serverOf, type UserId } from './ids.ts'

/** `ignore`: the invitation stands, but the invited user is not told of it. `block`: it is refused. */
export type InviteVerdict = 'allow' | 'ignore' | 'block'

export interface InviteSettings {
  /** Who speaks for the server: can be ignored, but not blocked. */
  readonly trustedUser?: UserId | undefined
  /** From which servers nobody here takes invitations. */
  readonly isBarred?: ((server: ServerName) => boolean) | undefined
  readonly ignoredUsers: ReadonlySet<string>
  /** Content of `m.invite_permission_config`: https://spec.matrix.org/v1.19/client-server-api/#invite-permission */
  readonly permission: JsonObject | undefined
  /** Content of `org.matrix.msc4155.invite_permission_config`: https://github.com/matrix-org/matrix-spec-proposals/pull/4155 */
  readonly filter: JsonObject | undefined
}

/** In the order in which they decide. */
const steps = [
  ['allowed_users', 'allow'],
  ['ignored_users', 'ignore'],
  ['blocked_users', 'block'],
  ['allowed_servers', 'allow'],
  ['ignored_servers', 'ignore'],
  ['blocked_servers', 'block'],
] as const satisfies readonly (readonly [string, InviteVerdict])[]

export function judgeInvite(settings: InviteSettings, inviter: UserId): InviteVerdict {
  const { trustedUser, ignoredUsers, permission, filter } = settings
  if (inviter === trustedUser) return ignoredUsers.has(inviter) ? 'ignore' : 'allow'
  if (settings.isBarred?.(serverOf(inviter)) || permission?.default_action === 'block') return 'block'
  if (ignoredUsers.has(inviter)) return 'ignore'
  return filter === undefined ? 'allow' : applyFilter(filter, inviter)
}

/** A filter with anything but lists of texts in it is no filter. */
function applyFilter(filter: JsonObject, inviter: UserId): InviteVerdict {
  const event = { content: filter }
  if (fieldOf(event, 'enabled') === false) return 'allow'
  const server = serverOf(inviter)
    .replace(/:[0-9]+$/, '')
    .toLowerCase()
  const lists = new Map<string, readonly string[]>()
  for (const [name] of steps) {
    const list = fieldOf(event, name) ?? []
    if (!Array.isArray(list) || !list.every((glob) => typeof glob === 'string')) return 'allow'
    lists.set(name, name.endsWith('servers') ? list.map((glob) => glob.toLowerCase()) : list)
  }
  if (costOf(lists.values()) > maxCost) return 'allow'
  for (const [name, verdict] of steps) {
    const text = name.endsWith('servers') ? server : inviter
    if (lists.get(name)?.some((glob) => matches(glob, text))) return verdict
  }
  return 'allow'
}

const hasWildcard = (glob: string) => glob.includes('*') || glob.includes('?')

function matches(glob: string, text: string): boolean {
  return hasWildcard(glob) ? matchesGlob(glob, text) : glob === text
}

/** In characters of globs with wildcards: each may have to be gone through for each character of the user id. */
const maxCost = 65_536

function costOf(lists: Iterable<readonly string[]>): number {
  let cost = 0
  for (const list of lists) for (const glob of list) if (hasWildcard(glob)) cost += glob.length
  return cost
}

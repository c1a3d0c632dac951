import type { JsonObject } from '../matrix/event.ts'

const nobody: ReadonlySet<string> = new Set()

/** Whom an `m.ignored_user_list` names: https://spec.matrix.org/v1.19/client-server-api/#ignoring-users */
export function readIgnoredUsers(content: JsonObject | undefined): ReadonlySet<string> {
  const users = content?.ignored_users
  if (typeof users !== 'object' || users === null || Array.isArray(users)) return nobody
  return new Set(Object.keys(users))
}

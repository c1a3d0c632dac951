import type { Database, Reader } from '../db/database.ts'
import { errors } from '../matrix/errors.ts'
import type { Json, JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { AccountHooks } from './hooks.ts'
import { checkProfileField, maxProfileBytes } from './profile-fields.ts'
import { deleteProfileField, listProfileFields, putProfileField } from './store-profiles.ts'
import { getStoredUser } from './store-users.ts'

/** Asks another server for the profile of its user; undefined where there is none. */
export type RemoteProfiles = (userId: UserId, field?: string) => Promise<JsonObject | undefined>

export interface Profiles {
  /** All fields of a local user's profile; undefined for an unknown user. */
  get(reader: Reader, userId: UserId): Promise<JsonObject | undefined>
  /** Sets a field, or removes it where the value is undefined, and tells the hooks. Throws the errors of the profile API. */
  set(userId: UserId, name: string, value: Json | undefined): Promise<void>
}

export function createProfiles({ db, hooks }: { db: Database; hooks: AccountHooks }): Profiles {
  const get = async (reader: Reader, userId: UserId) => {
    const rows = await listProfileFields(reader, userId)
    if (rows.length === 0) {
      const user = await getStoredUser(reader, userId)
      return user && !user.isErased ? {} : undefined
    }
    return Object.fromEntries(rows.map(({ name, value }): [string, Json] => [name, JSON.parse(value)]))
  }

  return {
    get,
    set: async (userId, name, given) => {
      const value = given === undefined ? undefined : checkProfileField(name, given)
      const changed = await db.write('profile', async (tx) => {
        if (value === undefined) return deleteProfileField(tx, userId, name)
        const before = (await get(tx, userId)) ?? {}
        if (Object.hasOwn(before, name) && JSON.stringify(before[name]) === JSON.stringify(value)) return false
        const size = Buffer.byteLength(JSON.stringify({ ...before, [name]: value }))
        if (size > maxProfileBytes) throw errors.profileTooLarge()
        await putProfileField(tx, userId, name, JSON.stringify(value))
        return true
      })
      if (!changed) return
      for (const hook of hooks.profileChange) await hook({ userId, fields: { [name]: value ?? null } })
    },
  }
}

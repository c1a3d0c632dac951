import { errors } from '../matrix/errors.ts'
import type { Json } from '../matrix/event.ts'

export const maxProfileBytes = 64 * 1024
const maxNameLength = 256
const namespaced = /^[a-z][a-z0-9_-]*(\.[a-z0-9_-]+)+$/

/** Throws for a name that no profile field can have: https://spec.matrix.org/v1.19/client-server-api/#profiles */
export function checkProfileKey(name: string): void {
  if (Buffer.byteLength(name) > 255) throw errors.keyTooLarge()
  if (name !== 'displayname' && name !== 'avatar_url' && !namespaced.test(name)) {
    throw errors.invalidParam('A profile field is displayname, avatar_url or a namespaced name such as m.tz')
  }
}

/** The value to store; undefined where the empty string takes a name or an avatar away. Throws for values that a field cannot have. */
export function checkProfileField(name: string, value: Json): Json | undefined {
  checkProfileKey(name)
  if (name === 'm.tz' && typeof value !== 'string') throw errors.badJson('m.tz must be a string')
  if (name !== 'displayname' && name !== 'avatar_url') return value
  if (value === null || value === '') return undefined
  if (typeof value !== 'string') throw errors.badJson(`${name} must be a string`)
  if (name === 'displayname' && [...value].length > maxNameLength) {
    throw errors.invalidParam(`displayname has more than ${maxNameLength} characters`)
  }
  if (name === 'avatar_url' && !/^mxc:\/\/[^/]+\/[^/]+$/.test(value)) {
    throw errors.invalidParam('avatar_url must be an mxc:// address')
  }
  return value
}

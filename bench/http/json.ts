/** A parsed JSON object whose members are not known yet. */
export type JsonObject = Record<string, unknown>

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Parses bytes or text that must be a JSON object; throws otherwise. */
export function parseObject(bytes: Buffer | string): JsonObject {
  const value: unknown = JSON.parse(typeof bytes === 'string' ? bytes : bytes.toString('utf8'))
  if (!isObject(value)) throw new Error('the answer is not a JSON object')
  return value
}

/** Follows a path of keys to a string; throws when it is not there. */
export function requireString(object: JsonObject, ...path: string[]): string {
  const value = valueAt(object, path)
  if (typeof value !== 'string') throw new Error(`the answer has no string "${path.join('.')}"`)
  return value
}

/** Follows a path of keys to a list of objects; anything else counts as an empty list. */
export function listAt(object: JsonObject, ...path: string[]): JsonObject[] {
  const value = valueAt(object, path)
  return Array.isArray(value) ? value.filter(isObject) : []
}

function valueAt(object: JsonObject, path: readonly string[]): unknown {
  let value: unknown = object
  for (const key of path) value = isObject(value) ? value[key] : undefined
  return value
}

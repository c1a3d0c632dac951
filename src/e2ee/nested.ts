/** Values by two keys, such as user id and device id. A map, because clients choose the keys (`__proto__` too). */
export type Nested<T> = Map<string, Map<string, T>>

export function putNested<T>(nested: Nested<T>, outer: string, inner: string, value: T): void {
  const found = nested.get(outer)
  if (found) found.set(inner, value)
  else nested.set(outer, new Map([[inner, value]]))
}

/** The nested map of an object of objects, with each value converted. */
export function toNested<T, R>(object: Record<string, Record<string, T>>, convert: (value: T) => R): Nested<R> {
  return new Map(
    Object.entries(object).map(([outer, inner]) => [
      outer,
      new Map(Object.entries(inner).map(([key, value]) => [key, convert(value)])),
    ]),
  )
}

export function nestedObject<T>(nested: ReadonlyMap<string, ReadonlyMap<string, T>>): {
  [outer: string]: { [inner: string]: T }
} {
  return Object.fromEntries([...nested].map(([key, inner]) => [key, Object.fromEntries(inner)]))
}

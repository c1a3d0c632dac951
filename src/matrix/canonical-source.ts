import { compareCodePoints } from './canonical-json.ts'

/** A number as it was written. */
class SourceNumber {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What the runtime tells of the place that it has just read; its types do not know it yet. */
interface ReviverContext {
  readonly source?: string
}

type Reviver = (this: unknown, key: string, value: unknown, context?: ReviverContext) => unknown

/**
 * The canonical form of JSON text with its numbers as they came: whoever wrote `1.0` has signed `1.0`. The text has been
 * parsed before, so that it is valid and not too deep.
 */
export function canonicalSource(text: string): string {
  const revive: Reviver = (_key, value, context) =>
    typeof value === 'number' ? new SourceNumber(context?.source ?? `${value}`) : value
  return encode(JSON.parse(text, revive))
}

function encode(value: unknown): string {
  if (value instanceof SourceNumber) return value.text
  if (Array.isArray(value)) return `[${value.map(encode).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const members = Object.entries(value).sort(([a], [b]) => compareCodePoints(a, b))
  return `{${members.map(([key, inner]) => `${JSON.stringify(key)}:${encode(inner)}`).join(',')}}`
}

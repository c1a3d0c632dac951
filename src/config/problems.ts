import type { core } from 'zod'
import { nearest } from '../util/nearest.ts'
import { formatPath, isRecord, knownKeys, nodeAt, type Path, type Raw } from './tree.ts'

const typeNames: Readonly<Record<string, string>> = {
  boolean: 'true or false',
  string: 'text (put it in quotes)',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'a section with keys of its own',
  record: 'a section with keys of its own',
}

/** One sentence for each thing that the schema did not like, naming the key, the value and the fix. */
export function explainIssues(
  issues: readonly core.$ZodIssue[],
  raw: Raw,
  origins: ReadonlyMap<string, string>,
): string[] {
  return issues.flatMap((issue) => explain(issue, raw, origins))
}

function explain(issue: core.$ZodIssue, raw: Raw, origins: ReadonlyMap<string, string>): string[] {
  const path = issue.path.filter((part) => typeof part !== 'symbol')
  if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => explainUnknown(path, key))
  const node = nodeAt(path)
  const value = valueAt(raw, path)
  const origin = origins.get(path.join('.'))
  const key = formatPath(path) + (origin ? ` (set by ${origin})` : '')
  if (value === undefined) return [`${key} is missing: ${node?.description ?? 'it is required.'}`]
  const shown = node?.secret ? 'set' : JSON.stringify(value)
  return [`${key} is ${shown}, but ${requirement(issue)}.`]
}

/** What a value must be, as it stands after "but". */
export function requirement(issue: core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${typeNames[issue.expected] ?? issue.expected}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    case 'too_small': {
      if (issue.origin === 'string' || issue.origin === 'array') return 'must not be empty'
      return `must be ${issue.inclusive ? 'at least' : 'more than'} ${issue.minimum}`
    }
    case 'too_big':
      return `must be at most ${issue.maximum}`
    default:
      // The schema's own messages are worded to stand here.
      return issue.message.replace(/\.$/, '')
  }
}

function explainUnknown(path: Path, key: string): string {
  const siblings = knownKeys(nodeAt(path))
  const guess = nearest(key, siblings)
  const fix = guess
    ? `did you mean ${formatPath([...path, guess])}?`
    : `the keys there are ${siblings.join(', ') || 'none'}.`
  return `${formatPath([...path, key])} is not a known key; ${fix}`
}

function valueAt(raw: Raw, path: Path): unknown {
  let value: unknown = raw
  for (const part of path) {
    if (Array.isArray(value)) value = value[Number(part)]
    else if (isRecord(value)) value = value[String(part)]
    else return undefined
  }
  return value
}

import { createHash } from 'node:crypto'
import { LruMap } from '../../util/lru.ts'

/** Stands for all state entries that agree with what it names; for everything where it names nothing. */
export interface StateElement {
  readonly type?: string
  readonly stateKey?: string
}

/** What one list or subscription asks for: what is included and not excluded, and the members that the timeline needs. */
export interface StateRule {
  readonly include: readonly StateElement[]
  readonly exclude: readonly StateElement[]
  readonly lazyMembers: boolean
}

/** The state of a room that a client wants, by any of some rules. */
export interface StateSelector {
  readonly rules: readonly StateRule[]
  /** Equal for equal rules. */
  readonly digest: string
  readonly lazyMembers: boolean
  matches(type: string, stateKey: string): boolean
  /** Where everything that may match is found: single entries, whole types, or undefined for the whole state. */
  readonly reach:
    | { readonly entries: readonly (readonly [string, string])[]; readonly types: readonly string[] }
    | undefined
}

/** Beyond this many single entries it is cheaper to go through the whole state. */
const maxEntries = 100

const selectors = new LruMap<string, StateSelector>(1_000)

/** The union of the rules, whatever their order. */
export function selectorOf(rules: readonly StateRule[]): StateSelector {
  const byText = new Map(rules.map((rule) => [JSON.stringify(canonical(rule)), rule]))
  const texts = [...byText.keys()].sort()
  const digest = createHash('sha256').update(texts.join('\n')).digest('base64url').slice(0, 22)
  const known = selectors.get(digest)
  if (known !== undefined) return known
  const unique = texts.flatMap((text) => byText.get(text) ?? [])
  const made = compile(unique, digest)
  selectors.set(digest, made)
  return made
}

export const uniteSelectors = (some: readonly StateSelector[]): StateSelector => {
  const [first, ...others] = some
  if (first !== undefined && others.every(({ digest }) => digest === first.digest)) return first
  return selectorOf(some.flatMap(({ rules }) => rules))
}

const canonical = ({ include, exclude, lazyMembers }: StateRule) => {
  const text = (elements: readonly StateElement[]) =>
    elements.map(({ type, stateKey }) => JSON.stringify([type ?? null, stateKey ?? null])).sort()
  return [text(include), text(exclude), lazyMembers]
}

interface ElementSet {
  readonly hasEverything: boolean
  readonly types: ReadonlySet<string>
  readonly keys: ReadonlySet<string>
  readonly exact: ReadonlyMap<string, ReadonlySet<string>>
}

function setOf(elements: readonly StateElement[]): ElementSet {
  const types = new Set<string>()
  const keys = new Set<string>()
  const exact = new Map<string, Set<string>>()
  let hasEverything = false
  for (const { type, stateKey } of elements) {
    if (type === undefined && stateKey === undefined) hasEverything = true
    else if (type === undefined) keys.add(stateKey ?? '')
    else if (stateKey === undefined) types.add(type)
    else exact.set(type, (exact.get(type) ?? new Set()).add(stateKey))
  }
  return { hasEverything, types, keys, exact }
}

const names = ({ types, keys, exact }: ElementSet, type: string, stateKey: string): boolean =>
  types.has(type) || keys.has(stateKey) || exact.get(type)?.has(stateKey) === true

function compile(rules: readonly StateRule[], digest: string): StateSelector {
  const compiled = rules.map(({ include, exclude, lazyMembers }) => ({
    include: setOf(include),
    exclude: setOf(exclude),
    lazyMembers,
  }))
  return {
    rules,
    digest,
    lazyMembers: rules.some(({ lazyMembers }) => lazyMembers),
    matches: (type, stateKey) =>
      compiled.some(({ include, exclude, lazyMembers }) => {
        if (exclude.hasEverything || names(exclude, type, stateKey)) return false
        // "Everything" leaves the members to lazy loading where that is asked for.
        const isCovered = include.hasEverything && !(lazyMembers && type === 'm.room.member')
        return isCovered || names(include, type, stateKey)
      }),
    reach: reachOf(compiled.map(({ include }) => include)),
  }
}

function reachOf(sets: readonly ElementSet[]): StateSelector['reach'] {
  if (sets.some(({ hasEverything, keys }) => hasEverything || keys.size > 0)) return undefined
  const types = new Set(sets.flatMap((set) => [...set.types]))
  const entries = new Map<string, readonly [string, string]>()
  for (const { exact } of sets) {
    for (const [type, keys] of exact) {
      if (types.has(type)) continue
      for (const key of keys) entries.set(`${type}\0${key}`, [type, key])
    }
  }
  if (entries.size + types.size > maxEntries) return undefined
  return { entries: [...entries.values()], types: [...types] }
}

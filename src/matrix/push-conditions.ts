/** Conditions of push rules, compiled: https://spec.matrix.org/v1.19/client-server-api/#conditions-1 */
import type { Pdu } from './event.ts'
import { matchesGlob } from './glob.ts'
import { parsePropertyPath, valueAt } from './property-path.ts'
import type { PushCondition } from './push-rule-types.ts'
import type { SelfCondition } from './push-rules-default.ts'
import { compileWordGlob, containsWords } from './word-glob.ts'

/** An event on its way to notify somebody, and what the conditions ask about its room. */
export interface PushSubject {
  readonly event: Pick<Pdu, 'type' | 'sender' | 'content' | 'room_id' | 'state_key'>
  /** How many users are joined. */
  readonly memberCount: number
  /** Whether the sender's power reaches the level under this key of `notifications`; asked seldom. */
  hasNotificationPower(key: string): boolean
  /** Who follows the thread that the event is in; undefined: it is in none. Asked seldom. */
  readonly threadFollowers?: ReadonlySet<string> | undefined
}

export interface PushUser {
  readonly userId: string
  /** In the room of the event. */
  readonly displayName?: string | undefined
}

/** Users about whom a condition may say something else than about the rest. */
export type Candidates = readonly string[] | 'everybody'

export type CompiledCondition =
  | { readonly about: 'event'; matches(subject: PushSubject): boolean }
  | {
      readonly about: 'user'
      matches(subject: PushSubject, user: PushUser): boolean
      candidates(subject: PushSubject): Candidates
    }
  | {
      /** Holds for everybody, or nobody, but for some. */
      readonly about: 'most'
      matches(subject: PushSubject, user: PushUser): boolean
      holds(subject: PushSubject): boolean
      exceptions(subject: PushSubject): Iterable<string>
    }

type EventTest = (subject: PushSubject) => boolean

const never: EventTest = () => false

/** Conditions that nobody knows, or that are malformed, match nothing. */
export function compileCondition(condition: PushCondition | SelfCondition): CompiledCondition {
  if ('self' in condition) return compileSelf(condition)
  if (condition.kind === 'contains_display_name') return containsDisplayName
  if (condition.kind === 'io.element.msc4306.thread_subscription') return compileThread(condition.subscribed)
  return { about: 'event', matches: compileTest(condition) }
}

/** The test of a content rule: its pattern against the words of the body. */
export function compileContentPattern(pattern: string | undefined): CompiledCondition {
  return compileCondition({ kind: 'event_match', key: 'content.body', ...(pattern === undefined ? {} : { pattern }) })
}

function compileTest({ kind, key, pattern, value, is }: PushCondition): EventTest {
  if (kind === 'room_member_count') return typeof is === 'string' ? compileMemberCount(is) : never
  if (typeof key !== 'string') return never
  switch (kind) {
    case 'event_match':
      return typeof pattern === 'string' ? compileMatch(key, pattern) : never
    case 'event_property_is':
      return isSimple(value) ? compileIs(key, value) : never
    case 'event_property_contains':
      return isSimple(value) ? compileContains(key, value) : never
    case 'sender_notification_permission':
      return (subject) => subject.hasNotificationPower(key)
    default:
      return never
  }
}

function compileMatch(key: string, pattern: string): EventTest {
  const path = parsePropertyPath(key)
  const wanted = pattern.toLowerCase()
  const test =
    key === 'content.body'
      ? compileWordGlob(wanted)
      : /[*?]/.test(wanted)
        ? (text: string) => matchesGlob(wanted, text)
        : (text: string) => text === wanted
  return ({ event }) => {
    const value = valueAt(event, path)
    return typeof value === 'string' && test(value.toLowerCase())
  }
}

function compileIs(key: string, wanted: unknown): EventTest {
  const path = parsePropertyPath(key)
  return ({ event }) => valueAt(event, path) === wanted
}

function compileContains(key: string, wanted: unknown): EventTest {
  const path = parsePropertyPath(key)
  return ({ event }) => {
    const value = valueAt(event, path)
    return Array.isArray(value) && value.includes(wanted)
  }
}

function isSimple(value: unknown): boolean {
  return value === null || typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value)
}

function compileMemberCount(is: string): EventTest {
  const [, operator = '==', digits] = /^(==|<=|>=|<|>)?([0-9]+)$/.exec(is) ?? []
  if (digits === undefined) return never
  const count = Number(digits)
  switch (operator) {
    case '<':
      return ({ memberCount }) => memberCount < count
    case '>':
      return ({ memberCount }) => memberCount > count
    case '<=':
      return ({ memberCount }) => memberCount <= count
    case '>=':
      return ({ memberCount }) => memberCount >= count
    default:
      return ({ memberCount }) => memberCount === count
  }
}

function compileSelf({ kind, key }: SelfCondition): CompiledCondition {
  const path = parsePropertyPath(key)
  const isMatch = kind === 'event_match'
  return {
    about: 'user',
    matches: ({ event }, { userId }) => {
      const value = valueAt(event, path)
      return isMatch ? value === userId : Array.isArray(value) && value.includes(userId)
    },
    candidates: ({ event }) => {
      const value = valueAt(event, path)
      const named: unknown[] = isMatch ? [value] : Array.isArray(value) ? value : []
      return named.filter((one) => typeof one === 'string')
    },
  }
}

const nobody: ReadonlySet<string> = new Set()

/** https://github.com/matrix-org/matrix-spec-proposals/pull/4306 */
function compileThread(subscribed: unknown): CompiledCondition {
  if (subscribed === true) {
    return {
      about: 'user',
      matches: ({ threadFollowers = nobody }, { userId }) => threadFollowers.has(userId),
      candidates: ({ threadFollowers = nobody }) => [...threadFollowers],
    }
  }
  if (subscribed !== false) return { about: 'event', matches: never }
  return {
    about: 'most',
    matches: ({ threadFollowers }, { userId }) => threadFollowers?.has(userId) === false,
    holds: ({ threadFollowers }) => threadFollowers !== undefined,
    exceptions: ({ threadFollowers = nobody }) => threadFollowers,
  }
}

const containsDisplayName: CompiledCondition = {
  about: 'user',
  matches: ({ event }, { displayName }) => {
    const { body } = event.content
    if (typeof body !== 'string' || displayName === undefined || displayName === '') return false
    // A name is no glob: its stars and question marks have to be there.
    return containsWords(body.toLowerCase(), displayName.toLowerCase())
  },
  candidates: ({ event }) => (typeof event.content.body === 'string' ? 'everybody' : []),
}

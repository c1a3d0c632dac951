import { RE2JS, RE2JSException } from 're2js'

/** A set of ids that an application service is interested in. */
export interface Namespace {
  /** Nobody else may make anything with such an id. */
  readonly isExclusive: boolean
  readonly regex: string
  /** Whether an id begins with what the expression describes. */
  matches(id: string): boolean
}

/** Longer expressions would make each event cost noticeable time for each application service. */
const maxLength = 4000

/** Syntax of JavaScript, Python and Perl that no engine of linear time has, by what the refusal names. */
const lacking: readonly (readonly [RegExp, string])[] = [
  [/`\(\?[=!]/, 'which has no look-ahead'],
  [/`\(\?<[=!]/, 'which has no look-behind'],
  [/`\\[1-9]`/, 'which has no back-references'],
]

/**
 * Compiles a namespace for an engine whose time grows with the length of the input only, whatever the expression is.
 * Throws a `RangeError` whose message goes on after "the regular expression".
 */
export function compileNamespace(regex: string, isExclusive: boolean): Namespace {
  if (regex.length > maxLength) throw new RangeError(`must not be longer than ${maxLength} characters`)
  const pattern = compile(regex)
  return { isExclusive, regex, matches: (id) => pattern.matcher(id).lookingAt() }
}

function compile(regex: string): RE2JS {
  try {
    return RE2JS.compile(regex)
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error
    const reason = error.message.replace(/^error parsing regexp: /, '')
    const more = lacking.find(([syntax]) => syntax.test(reason))?.[1]
    throw new RangeError(`must be in the syntax of RE2${more === undefined ? '' : `, ${more}`} (${reason})`)
  }
}

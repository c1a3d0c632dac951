/** A configuration that cannot be used. Each problem is one sentence that names the key, the value and the fix. */
export class ConfigError extends Error {
  override name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    const [first = 'The configuration cannot be used.'] = problems
    const more = problems.length - 1
    const rest = more > 0 ? ` (and ${more} more: "ringback config check" lists them all)` : ''
    super(`${first}${rest}`)
    this.problems = problems
  }
}

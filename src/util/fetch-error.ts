/**
 * `not_allowed`: by the rules of this server; `backing_off`: it has just failed and is not asked again so soon;
 * `bad_answer`: it answered what makes no sense.
 */
export type FetchFailure =
  | 'bad_url'
  | 'blocked_address'
  | 'too_many_redirects'
  | 'too_large'
  | 'timeout'
  | 'aborted'
  | 'network'
  | 'not_allowed'
  | 'backing_off'
  | 'bad_answer'

/** Why a request to another server gave no usable answer. An answer of any status, also 500, is not an error. */
export class FetchError extends Error {
  override name = 'FetchError'
  readonly failure: FetchFailure

  constructor(failure: FetchFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.failure = failure
  }
}

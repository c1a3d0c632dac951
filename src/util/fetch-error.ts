export type FetchFailure =
  | 'bad_url'
  | 'blocked_address'
  | 'too_many_redirects'
  | 'too_large'
  | 'timeout'
  | 'aborted'
  | 'network'

/** Why a request to another server gave no usable answer. An answer of any status, also 500, is not an error. */
export class FetchError extends Error {
  override name = 'FetchError'
  readonly failure: FetchFailure

  constructor(failure: FetchFailure, message: string, cause?: unknown) {
    super(message, { cause })
    this.failure = failure
  }
}

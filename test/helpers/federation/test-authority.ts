import { execFileSync } from 'node:child_process'
import { type Authority, type Certificate, createAuthority } from './certificates.ts'

/** Why tests that need certificates cannot run here, for `{ skip }` of `test`; false where they can. */
export const withoutOpenssl: string | false = findOpenssl() ? false : 'openssl is not installed'

interface LocalAuthority {
  readonly caFile: string
  readonly ca: string
  /** For `localhost` and the loopback addresses. */
  readonly local: Certificate
}

let made: LocalAuthority | undefined

/** The private authority of this process, with one certificate that all its servers on the loopback interface share. */
export function localAuthority(): LocalAuthority {
  if (made === undefined) {
    const authority: Authority = createAuthority()
    process.once('exit', () => authority[Symbol.dispose]())
    const { caFile, ca } = authority
    made = { caFile, ca, local: authority.issue('localhost', '127.0.0.1', '::1') }
  }
  return made
}

function findOpenssl(): boolean {
  try {
    execFileSync('openssl', ['version'], { stdio: 'pipe' })
    return true
  } catch {
    return false
  }
}

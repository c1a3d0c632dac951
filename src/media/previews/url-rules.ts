import { errors } from '../../matrix/errors.ts'
import { matchesGlob } from '../../matrix/glob.ts'

/** Hosts as globs: `example.org`, `*.example.org`. */
export interface UrlRules {
  /** Empty: all that are not denied. */
  readonly allow: readonly string[]
  readonly deny: readonly string[]
}

const longestUrl = 2048

/** The address that a client wants previewed, without its fragment. Throws `M_INVALID_PARAM` for what is no web page. */
export function readUrl(text: string): URL {
  const url = text.length <= longestUrl ? URL.parse(text.trim()) : null
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password) {
    throw errors.invalidParam('Only http and https addresses have previews')
  }
  url.hash = ''
  return url
}

/** Throws `M_FORBIDDEN` for hosts that the administrator has ruled out. */
export function requireAllowedUrl({ hostname }: URL, { allow, deny }: UrlRules): void {
  // A dot at the end means the same host.
  const host = hostname.replace(/\.$/, '')
  const matches = (glob: string) => matchesGlob(glob.toLowerCase(), host)
  if (deny.some(matches) || (allow.length > 0 && !allow.some(matches))) {
    throw errors.forbidden('This server makes no previews of that site')
  }
}

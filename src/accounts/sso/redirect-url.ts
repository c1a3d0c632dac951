import { errors } from '../../matrix/errors.ts'

/** Schemes that make a browser do something itself instead of handing over to a client. */
const refused = new Set([
  'javascript:',
  'data:',
  'vbscript:',
  'blob:',
  'file:',
  'about:',
  'view-source:',
  'ws:',
  'wss:',
])

/** The client's address that a login leads back to, which may be one of an app. Throws `M_INVALID_PARAM`. */
export function requireRedirectUrl(text: string): string {
  const url = URL.parse(text)
  const isPlain = url !== null && url.username === '' && url.password === '' && text.length <= 4096
  // Browsers drop these, so that what was checked would not be what they open.
  const isClean = !/[\p{Cc}\s\\]/u.test(text)
  if (!isPlain || !isClean || refused.has(url.protocol)) {
    throw errors.invalidParam('redirectUrl is not an address that a login can lead back to')
  }
  return text
}

/** https://spec.matrix.org/v1.19/client-server-api/#handling-the-redirect-from-the-authentication-server */
export function withLoginToken(redirectUrl: string, token: string): string {
  const [base = '', ...fragment] = redirectUrl.split('#')
  const [path, ...query] = base.split('?')
  const kept = query
    .join('?')
    .split('&')
    .filter((pair) => pair !== '' && pair.split('=')[0] !== 'loginToken')
  const hash = fragment.length > 0 ? `#${fragment.join('#')}` : ''
  return `${path}?${[...kept, `loginToken=${encodeURIComponent(token)}`].join('&')}${hash}`
}

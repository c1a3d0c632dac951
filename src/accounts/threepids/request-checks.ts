import { errors } from '../../matrix/errors.ts'

/** https://spec.matrix.org/v1.19/client-server-api/#post_matrixclientv3registeremailrequesttoken */
export function requireClientSecret(secret: string): void {
  if (!/^[0-9a-zA-Z.=_-]{1,255}$/.test(secret)) {
    throw errors.invalidParam('client_secret has 1 to 255 characters of 0-9 a-z A-Z . = _ -')
  }
}

/** Browsers are sent there, so it is an address of the web and not a script. */
export function requireNextLink(link: string): void {
  const url = URL.parse(link)
  const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
  if (!url || !isWeb || url.username !== '' || url.password !== '' || link.length > 2048) {
    throw errors.invalidParam('next_link must be an http or https address')
  }
}

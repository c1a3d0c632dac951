import type { MailServer } from '../util/mailer.ts'
import type { Config } from './schema.ts'

/** The mail server that the configuration names; undefined where there is none. */
export function mailServerOf({ mail, server_name: serverName }: Pick<Config, 'mail' | 'server_name'>) {
  const given = mail.url === undefined ? mail : { ...mail, ...fromUrl(new URL(mail.url)) }
  if (given.host === undefined) return undefined
  const heloName = serverName.replace(/:\d+$/, '')
  const server: MailServer = {
    host: given.host,
    port: given.port,
    user: given.user,
    password: given.password,
    encryption: given.encryption,
    verifyCertificate: mail.verify_certificate,
    from: mail.from ?? { name: '', address: `noreply@${heloName}` },
    heloName,
  }
  return { ...server, from: { ...server.from, name: server.from.name || mail.app_name } }
}

function fromUrl(url: URL) {
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    ...(url.port !== '' && { port: Number(url.port) }),
    ...(url.username !== '' && { user: decodeURIComponent(url.username), password: decodeURIComponent(url.password) }),
    ...(url.protocol === 'smtps:' && { encryption: 'tls' as const }),
  }
}

import { join, resolve } from 'node:path'
import type { Config, ListenerConfig, ParsedConfig } from './schema.ts'

/** Fills in what depends on other keys, and makes the remaining paths absolute. */
export function derive(parsed: ParsedConfig, folder: string): Config {
  const dataDir = resolve(folder, parsed.data_dir)
  return {
    ...parsed,
    data_dir: dataDir,
    public_url: parsed.public_url ?? listenerUrl(parsed.listeners[0]),
    database: { url: absoluteDatabase(parsed.database.url, dataDir, folder) },
  }
}

function absoluteDatabase(url: string | undefined, dataDir: string, folder: string): string {
  if (url === undefined) return `sqlite:${join(dataDir, 'ringback.db')}`
  return url.startsWith('sqlite:') ? `sqlite:${resolve(folder, url.slice('sqlite:'.length))}` : url
}

/** The address under which a listener can be reached from this machine. */
export function listenerUrl(listener: ListenerConfig | undefined): string {
  const { host = '127.0.0.1', port = 8008, tls } = listener ?? {}
  const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
  return `${tls ? 'https' : 'http'}://${name}:${port}`
}

/** What is wrong between keys that are fine by themselves. */
export function findConflicts(config: Config): string[] {
  const problems: string[] = []
  const addresses = new Set<string>()
  for (const [i, { host, port }] of config.listeners.entries()) {
    const address = `${host}:${port}`
    if (port !== 0 && addresses.has(address)) {
      problems.push(`listeners[${i}] listens on ${address} like a listener before it; give it another port.`)
    }
    addresses.add(address)
  }
  for (const [i, { id }] of config.sso.providers.entries()) {
    if (config.sso.providers.findIndex((other) => other.id === id) < i) {
      problems.push(`sso.providers[${i}].id is "${id}" like that of a provider before it; choose another.`)
    }
  }
  for (const [i, { url }] of config.webhooks.entries()) {
    if (config.webhooks.findIndex((other) => other.url === url) < i) {
      problems.push(`webhooks[${i}].url is that of a webhook before it; name all events there.`)
    }
  }
  if (config.mail.url !== undefined && config.mail.host !== undefined) {
    problems.push('mail.url and mail.host are both set; remove one of them.')
  }
  if (config.registration.require_email && config.mail.host === undefined && config.mail.url === undefined) {
    problems.push('registration.require_email is true, but no mail can be sent; set mail.host and mail.from.')
  }
  if (config.voip.turn.uris.length > 0 && config.voip.turn.shared_secret === undefined) {
    problems.push('voip.turn.shared_secret is missing: clients need credentials for voip.turn.uris.')
  }
  const { livekit } = config.voip
  if (livekit !== undefined && livekit.url === undefined && livekit.internal_url === undefined) {
    problems.push('voip.livekit.internal_url is missing: nobody knows where LiveKit listens.')
  }
  if (config.bots.voicemail.localpart === config.bots.assistant.localpart) {
    problems.push(
      `bots.assistant.localpart is "${config.bots.assistant.localpart}" like bots.voicemail.localpart; choose another.`,
    )
  }
  const { enabled, localpart } = config.server_notices
  if (enabled && [config.bots.voicemail.localpart, config.bots.assistant.localpart].includes(localpart)) {
    problems.push(`server_notices.localpart is "${localpart}" like that of a bot; choose another.`)
  }
  const { period, renew_at: renewAt } = config.account_validity
  if (renewAt >= period) {
    problems.push('account_validity.renew_at is not shorter than account_validity.period; set one of them.')
  }
  problems.push(...findStorageConflicts(config.media.storage))
  return problems
}

function findStorageConflicts(storage: Config['media']['storage']): string[] {
  const problems: string[] = []
  if (storage.kind === 's3' && storage.bucket === undefined) {
    problems.push('media.storage.kind is "s3", but media.storage.bucket is missing.')
  }
  if ((storage.access_key_id === undefined) !== (storage.secret_access_key === undefined)) {
    problems.push('media.storage.access_key_id and secret_access_key belong together; set both or neither.')
  }
  if (storage.link_lifetime > 7 * 86_400_000) problems.push('media.storage.link_lifetime is more than 7d.')
  return problems
}

/** What is allowed, but seldom meant. */
export function findWarnings(config: Config): string[] {
  const warnings: string[] = []
  const { registration, public_url: publicUrl, server_name: serverName } = config
  if (registration.enabled && !registration.require_token) {
    warnings.push(
      'registration.enabled is true without registration.require_token: anybody who finds this server can make accounts.',
    )
  }
  if (serverName !== 'localhost' && publicUrl.startsWith('http://')) {
    warnings.push(`public_url is ${publicUrl}: clients on other machines need an https:// address there.`)
  }
  for (const [i, { secret }] of config.webhooks.entries()) {
    if (secret === undefined) {
      warnings.push(`webhooks[${i}].secret is missing: its receiver cannot tell our requests from those of others.`)
    }
  }
  return warnings
}

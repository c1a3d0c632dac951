import type { Config } from '../config/schema.ts'

/** Whether browsers may be sent to this address without asking the person: those of this server and of trusted clients. */
export function isTrustedClient(config: Pick<Config, 'public_url' | 'trusted_clients'>, address: string): boolean {
  const url = URL.parse(address)
  if (!url) return false
  return [config.public_url, ...config.trusted_clients].some((known) => {
    const trusted = URL.parse(known)
    if (!trusted || trusted.protocol !== url.protocol || trusted.host !== url.host) return false
    return `${url.pathname}/`.startsWith(`${trusted.pathname.replace(/\/$/, '')}/`)
  })
}

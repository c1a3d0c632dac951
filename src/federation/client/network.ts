import type { Dns } from '../../util/dns.ts'
import type { SafeFetch } from '../../util/safe-fetch.ts'

/** What federation needs of the world; tests replace parts of it. */
export interface FederationNetwork {
  readonly dns: Dns
  /** Trusts the authorities that federation trusts. */
  readonly fetch: SafeFetch
  /** Where servers listen that say nothing else: 8448 and 443. */
  readonly ports: { readonly matrix: number; readonly https: number }
}

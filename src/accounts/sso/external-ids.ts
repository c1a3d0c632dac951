import type { Reader, Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { AccountHooks } from '../hooks.ts'
import { deleteExternalIds, getExternalOwner, insertExternalId, listExternalProviders } from './store-sso.ts'

/** Which of our accounts belong to accounts at providers, who are known there by a subject that never changes. */
export interface ExternalIds {
  ownerOf(reader: Reader, providerId: string, subject: string): Promise<UserId | undefined>
  /** The providers of the configuration through which the user can log in. */
  providersOf(reader: Reader, userId: UserId): Promise<string[]>
  /** Throws `M_FORBIDDEN` where the subject has got an account meanwhile. */
  link(tx: Tx, link: { providerId: string; subject: string; userId: UserId }): Promise<void>
}

export function createExternalIds({
  clock,
  hooks,
  providerIds,
}: {
  clock: Clock
  hooks: AccountHooks
  providerIds: readonly string[]
}): ExternalIds {
  hooks.deactivate.push(async (tx, { userId, erase }) => {
    // Otherwise whoever logs in again is told that the account is gone, rather than given a new one.
    if (erase) await deleteExternalIds(tx, userId)
  })
  return {
    ownerOf: getExternalOwner,
    providersOf: async (reader, userId) =>
      (await listExternalProviders(reader, userId)).filter((id) => providerIds.includes(id)),
    link: async (tx, link) => {
      if (!(await insertExternalId(tx, link, clock.now()))) throw errors.forbidden('You have an account here already')
    },
  }
}

import type { Reader, Tx } from '../../db/database.ts'
import { errors } from '../../matrix/errors.ts'
import type { UserId } from '../../matrix/ids.ts'
import type { Clock } from '../../util/clock.ts'
import type { AccountHooks, ThreepidRemovedHook } from '../hooks.ts'
import {
  deleteThreepid,
  deleteThreepids,
  getThreepidOwner,
  insertThreepid,
  listThreepids,
  type Threepid,
} from './store-threepids.ts'

export type { Threepid } from './store-threepids.ts'

/** A mail address that somebody has shown to be theirs. */
export interface ConfirmedEmail {
  /** In its canonical form. */
  readonly address: string
  readonly validatedTs: number
}

/** The mail addresses of accounts. Addresses are given in their canonical form. */
export interface Threepids {
  list(reader: Reader, userId: UserId): Promise<Threepid[]>
  /** Whose address it is. */
  ownerOf(reader: Reader, email: string): Promise<UserId | undefined>
  /** Adds an address; one that the user has already is left alone. Throws `M_THREEPID_IN_USE`. */
  add(tx: Tx, userId: UserId, email: ConfirmedEmail): Promise<void>
  /** Does nothing where the user has no such address. */
  remove(tx: Tx, userId: UserId, medium: string, address: string): Promise<void>
}

export function createThreepids({ clock, hooks }: { clock: Clock; hooks: AccountHooks }): Threepids {
  const tell = async (tx: Tx, ...removed: Parameters<ThreepidRemovedHook>[1][]) => {
    for (const threepid of removed) for (const hook of hooks.threepidRemoved) await hook(tx, threepid)
  }
  hooks.deactivate.push(async (tx, { userId }) => {
    const threepids = await listThreepids(tx, userId)
    await deleteThreepids(tx, userId)
    await tell(tx, ...threepids.map(({ medium, address }) => ({ userId, medium, address })))
  })
  return {
    list: listThreepids,
    ownerOf: (reader, email) => getThreepidOwner(reader, 'email', email),
    add: async (tx, userId, { address, validatedTs }) => {
      const threepid = { medium: 'email', address, validatedTs, addedTs: clock.now() }
      if (await insertThreepid(tx, userId, threepid)) return
      if ((await getThreepidOwner(tx, 'email', address)) !== userId) throw errors.threepidInUse()
    },
    remove: async (tx, userId, medium, address) => {
      if (await deleteThreepid(tx, userId, medium, address)) await tell(tx, { userId, medium, address })
    },
  }
}

import type { Database } from '../../db/database.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { isUserId, type UserId } from '../../matrix/ids.ts'
import { mapLimit } from '../../util/async.ts'
import type { Clock } from '../../util/clock.ts'
import type { Accounts } from '../accounts.ts'
import type { Address, IdentityAccess, IdentityServers } from './identity-servers.ts'
import { type Binding, deleteBinding, deleteBindings, insertBinding, listBindings } from './store-bindings.ts'

/** `no-support`: an identity server did not do it, or none is known. */
export type UnbindResult = 'success' | 'no-support'

/** Addresses of our users that we have published on identity servers. */
export interface Bindings {
  bind(userId: UserId, access: IdentityAccess, session: { sid: string; clientSecret: string }): Promise<void>
  /** Takes an address back where it was published, or from the identity server that is named. */
  unbind(userId: UserId, address: Address, idServer?: string): Promise<UnbindResult>
  /** The same for all that a user has; `success` where there is nothing to take back. */
  unbindAll(userId: UserId, idServer?: string): Promise<UnbindResult>
}

export interface BindingsDeps {
  readonly db: Database
  readonly clock: Clock
  readonly jobs: Jobs
  readonly accounts: Pick<Accounts, 'onDeactivate'>
  readonly identityServers: IdentityServers
}

const job = 'identity.unbind'
/** How long an identity server that does not answer is asked again for a deactivated account, in ms. */
const patience = 7 * 24 * 3_600_000

export function createBindings({ db, clock, jobs, accounts, identityServers }: BindingsDeps): Bindings {
  async function takeBack(userId: UserId, bindings: readonly Binding[]): Promise<UnbindResult> {
    const results = await mapLimit(bindings, 4, async (binding) => {
      const isDone = await identityServers.unbind(binding.idServer, binding, userId)
      if (isDone) await db.write('unbind', (tx) => deleteBinding(tx, userId, binding))
      return isDone
    })
    return results.every(Boolean) ? 'success' : 'no-support'
  }

  const unbindAll = async (userId: UserId, idServer?: string) => {
    const known = await db.read((reader) => listBindings(reader, userId))
    return takeBack(
      userId,
      known.map((binding) => ({ ...binding, idServer: idServer ?? binding.idServer })),
    )
  }

  accounts.onDeactivate(async (tx, { userId }) => {
    if ((await listBindings(tx, userId)).length === 0) return
    await jobs.enqueue(tx, job, { userId, until: clock.now() + patience }, { key: userId })
  })
  jobs.handle(job, async ({ userId, until }) => {
    if (typeof userId !== 'string' || !isUserId(userId)) return
    if (typeof until === 'number' && clock.now() < until && (await unbindAll(userId)) !== 'success') {
      throw new Error('an identity server did not take all addresses back')
    }
    await db.write('forget bindings', (tx) => deleteBindings(tx, userId))
  })

  return {
    bind: async (userId, access, session) => {
      const { medium, address } = await identityServers.bind(access, session, userId)
      await db.write('bind', (tx) => insertBinding(tx, userId, { medium, address, idServer: access.idServer }))
    },
    unbind: async (userId, address, idServer) => {
      const known = await db.read((reader) => listBindings(reader, userId, address))
      const wanted = idServer === undefined ? known : [{ ...address, idServer }]
      return wanted.length === 0 ? 'no-support' : takeBack(userId, wanted)
    },
    unbindAll,
  }
}

import type { AccountData, AccountDataHook } from '../accounts/account-data.ts'
import type { Accounts } from '../accounts/accounts.ts'
import type { Database, Reader, Tx } from '../db/database.ts'
import type { Streams } from '../db/streams.ts'
import type { MailQueue } from '../jobs/mail.ts'
import type { DeviceId, ServerName, UserId } from '../matrix/ids.ts'
import type { SigningKey } from '../matrix/signing.ts'
import type { ReceiptHook } from '../rooms/ephemeral/receipts.ts'
import type { RoomReads } from '../rooms/reads.ts'
import type { PersistHook } from '../rooms/types.ts'
import type { TimerClock } from '../util/clock.ts'
import type { Log } from '../util/log.ts'
import type { SafeFetch } from '../util/safe-fetch.ts'
import { createClasses, type IgnoredUsers } from './classes.ts'
import { type Count, getCounts, getCountsByThread, type ThreadedCounts } from './counts.ts'
import { createDelivery, type Delivery } from './delivery/delivery.ts'
import { createDescribe } from './delivery/describe.ts'
import { createCompose } from './email/compose.ts'
import { createEmailPushers } from './email/email-pushers.ts'
import { createEmailTurns } from './email/turn.ts'
import { createUnsubscribe, type Unsubscribe, unsubscribePath } from './email/unsubscribe.ts'
import { createNotifications, type Notifications } from './notified/notifications.ts'
import { createListNotified } from './notified/notified.ts'
import { createUserJudges } from './notified/user-judge.ts'
import { createCountingHook } from './persist-hook.ts'
import { emailAppId } from './pusher.ts'
import { createPushers, type Pushers } from './pushers.ts'
import { markRead } from './reading.ts'
import { createPushRules, type PushRules } from './rules.ts'
import { deleteHighlights } from './store-highlights.ts'
import { deletePushersOf } from './store-pushers.ts'
import { deleteUserRules } from './store-rules.ts'
import { createUpgradeRules } from './upgrades.ts'

export interface PushDeps {
  readonly db: Database
  readonly streams: Streams
  readonly clock: TimerClock
  readonly log: Log
  /** For addresses that others chose. */
  readonly outbound: SafeFetch
  readonly accounts: Pick<Accounts, 'isLocalUser' | 'validity'> & {
    readonly accountData: Pick<AccountData, 'ignoredUsers' | 'inviteSettings'>
    readonly users: Pick<Accounts['users'], 'get'>
    readonly threepids: Pick<Accounts['threepids'], 'ownerOf'>
  }
  readonly reads: RoomReads
  readonly mail: MailQueue
  readonly serverName: ServerName
  readonly signingKey: Pick<SigningKey, 'sign'>
  /** The address of a path of this server, for links. */
  linkTo(path: string): string
}

export interface Push {
  /** Counts the events of each batch. */
  readonly hook: PersistHook
  readonly rules: PushRules
  readonly pushers: Pushers
  readonly delivery: Delivery
  readonly notifications: Notifications
  readonly unsubscribe: Unsubscribe
  /** Unread notifications of a joined user in a whole room. */
  counts(reader: Reader, userId: UserId, roomNid: number): Promise<Count>
  countsByThread(reader: Reader, userId: UserId, roomNid: number): Promise<ThreadedCounts>
  /** Marks as read what a local user's receipt, public or private, covers. */
  readonly receiptMoved: ReceiptHook
  /** What ignored users send does not count. */
  readonly accountDataChanged: AccountDataHook
  deviceRemoved(tx: Tx, device: { userId: UserId; deviceId: DeviceId }): Promise<void>
  userDeactivated(tx: Tx, account: { userId: UserId }): Promise<void>
  threepidRemoved(tx: Tx, threepid: { userId: UserId; medium: string; address: string }): Promise<void>
}

/** Composes push rules, the counts of what they notify of, and pushers. */
export function createPush(deps: PushDeps): Push {
  const { db, streams, clock, log, outbound, accounts, reads, mail } = deps
  // Only local users are asked about, and their ids are valid.
  const ignoredUsers: IgnoredUsers = (reader, userId) => accounts.accountData.ignoredUsers(reader, userId as UserId)
  const classes = createClasses({ ignoredUsers })
  const list = createListNotified({
    streams,
    reads,
    judges: createUserJudges({ reads, ignoredUsers }),
    inviteSettings: accounts.accountData.inviteSettings,
  })
  const rules = createPushRules({ db, streams, classes })
  const describe = createDescribe({ reads })
  const emailPushers = createEmailPushers({ ...deps, threepids: accounts.threepids })
  const takeEmailTurn = createEmailTurns({
    ...deps,
    users: accounts.users,
    validity: accounts.validity,
    list,
    compose: createCompose({ ...deps, describe, appName: mail.appName }),
    emailPushers,
    linkTo: (token) => deps.linkTo(`${unsubscribePath}?token=${token}`),
  })
  const pushers = createPushers({ db, streams, clock, emailPushers })
  const upgrades = createUpgradeRules(rules)
  const count = createCountingHook({ reads, classes, isLocalUser: accounts.isLocalUser, onJoin: upgrades.joined })
  const delivery = createDelivery({
    db,
    streams,
    clock,
    log,
    outbound,
    reads,
    classes,
    list,
    pushers,
    users: accounts.users,
    describe,
    takeEmailTurn,
    validity: accounts.validity,
  })
  return {
    hook: async (tx, batch) => {
      await count(tx, batch)
      await upgrades.persisted(tx, batch)
      await delivery.hook(tx, batch)
    },
    rules,
    pushers,
    delivery,
    notifications: createNotifications({ db, reads, list }),
    unsubscribe: createUnsubscribe({ db, remove: emailPushers.remove }),
    counts: getCounts,
    countsByThread: getCountsByThread,
    receiptMoved: (tx, { room, userId, threadId = '', event }) =>
      markRead(tx, room.nid, userId, threadId, event.streamPos ?? 0),
    accountDataChanged: async (tx, { userId, type }) => {
      if (type === 'm.ignored_user_list') await classes.refresh(tx, userId, await streams.allocate(tx, 1))
    },
    deviceRemoved: (tx, { userId, deviceId }) => pushers.deleteOfDevice(tx, userId, deviceId),
    userDeactivated: async (tx, { userId }) => {
      await deletePushersOf(tx, userId)
      await deleteUserRules(tx, userId)
      await deleteHighlights(tx, userId)
      await classes.refresh(tx, userId, await streams.allocate(tx, 1))
    },
    threepidRemoved: async (tx, { userId, medium, address }) => {
      if (medium === 'email') await emailPushers.remove(tx, { userId, appId: emailAppId, pushkey: address })
    },
  }
}

import type { Accounts } from '../../accounts/accounts.ts'
import type { Config } from '../../config/schema.ts'
import type { Database } from '../../db/database.ts'
import type { FederationSender } from '../../federation/sender/sender.ts'
import type { Jobs } from '../../jobs/jobs.ts'
import { makeUserId, type ServerName } from '../../matrix/ids.ts'
import { formatMxc } from '../../matrix/mxc.ts'
import type { Media } from '../../media/media.ts'
import type { Rooms } from '../../rooms/rooms.ts'
import type { Sync } from '../../sync/sync.ts'
import type { TimerClock } from '../../util/clock.ts'
import type { Log } from '../../util/log.ts'
import type { Mailer } from '../../util/mailer.ts'
import type { Part } from '../../util/part.ts'
import type { CallLedger } from '../../voip/calls/calls.ts'
import type { Live } from '../../voip/live/live.ts'
import type { Webhooks } from '../../voip/webhooks/webhooks.ts'
import type { BotRuntime } from '../runtime/runtime.ts'
import { type AuditFilter, type AuditRow, listAudit } from './audit/store-audit.ts'
import { createVoicemailBot } from './bot/voicemail-bot.ts'
import { createChats } from './chats.ts'
import { forgetUser } from './forget-user.ts'
import { createForwarding } from './forwarding/forwarding.ts'
import { createDeliver } from './notes/deliver.ts'
import { createDeliveries } from './notes/deliveries.ts'
import { createInbox } from './notes/inbox.ts'
import { createKeepNote, type KeepNote } from './notes/keeping.ts'
import { createNotes, type Notes } from './notes/notes.ts'
import { createNotesHook, createTakenBack } from './notes/persist-hook.ts'
import { createUnreadMarks } from './notes/unread-marks.ts'
import { createNoteViews } from './notes/views.ts'
import { createJudge } from './prompts/judge.ts'
import { createPromptLinks } from './prompts/link-for.ts'
import { handlePrompts } from './prompts/messages.ts'
import { createPrompts } from './prompts/prompts.ts'
import type { Recorder } from './recorder/recorder.ts'
import type { DeliverNote } from './recorder/types.ts'

export interface VoicemailDeps {
  readonly config: Config
  readonly serverName: ServerName
  readonly db: Database
  readonly clock: TimerClock
  readonly log: Log
  readonly jobs: Jobs
  readonly accounts: Accounts
  readonly media: Media
  readonly rooms: Rooms
  readonly sync: Pick<Sync, 'onAnswer'>
  readonly sender: Pick<FederationSender, 'onTaken'>
  readonly live: Pick<Live, 'publish'>
  readonly webhooks: Pick<Webhooks, 'emit'>
  readonly calls: Pick<CallLedger, 'subscribe' | 'getCall' | 'linkNote'>
  readonly bots: Pick<BotRuntime, 'add' | 'act'>
  readonly recorder: Recorder
  /** Undefined: this server sends no mail. */
  readonly mailer: Mailer | undefined
}

/** What happens after calls in vain. */
export interface Voicemail {
  readonly notes: Pick<Notes, 'list' | 'played'>
  /** See `KeepNote`. */
  readonly keep: KeepNote
  /** Sends a finished note, see `createDeliver`. */
  readonly deliver: DeliverNote
  /** What was sent in whose name, the newest first. */
  listAudit(filter: AuditFilter, limit: number): Promise<AuditRow[]>
  /** Resolves when what was delivered so far is written down. */
  idle(): Promise<void>
  readonly part: Part
}

/** Composes the prompts, the notes and the bot, and hooks them into what they follow. */
export function createVoicemail(deps: VoicemailDeps): Voicemail {
  const { config, serverName, db, clock, jobs, accounts, media, rooms, calls, bots, recorder } = deps
  const { localpart, link_lifetime: lifetime, max_length: maxLengthMs, enabled } = config.bots.voicemail
  const { reads } = rooms
  const { links } = recorder
  const botId = makeUserId(localpart, serverName)
  const options = { publicUrl: () => config.public_url, maxLengthMs, localpart, lifetime }
  const chats = createChats({ db, accounts, rooms, botId })
  const judge = createJudge({ clock, botId, config, accounts, reads })
  const prompts = createPrompts({ clock, jobs, judge, links, lifetime })
  const unread = createUnreadMarks({ db, clock, jobs, accounts })
  const deliveries = createDeliveries({ ...deps, notes: { advance: (...news) => notes.advance(...news) } })
  const mailed = { appName: config.mail.app_name, publicUrl: options.publicUrl }
  const forwarding = createForwarding({ ...deps, act: bots.act, botId, options: mailed })
  const views = createNoteViews(deps)
  const keep = createKeepNote({ db, media, views })
  const notes = createNotes({ ...deps, views, prompts, unread, forwarding, waits: deliveries.waits })
  const inbox = createInbox({ db, accounts, reads, notes, views, keep })

  // What was left is there also where no more is asked for.
  accounts.accountData.onChange(unread.accountDataChanged)
  media.delivery.onFetched((tx, { ref, ...fetch }) => deliveries.fetched(tx, { ...fetch, mxc: formatMxc(ref) }))
  media.delivery.onDeleted((tx, files) => deliveries.deleted(tx, files.map(formatMxc)))
  deps.sync.onAnswer(deliveries.answered)
  deps.sender.onTaken(deliveries.taken)
  rooms.onPersist(createNotesHook({ accounts, reads, notes, prompts }))
  const takenBack = createTakenBack(notes)
  rooms.purging.onPurge({ events: (tx, _room, events) => takenBack(tx, events) })
  const deliver = createDeliver({ db, clock, rooms, calls, chats, judge, notes, botId })
  recorder.useDelivery(deliver)
  accounts.onDeactivate(forgetUser)
  accounts.onDeactivate((tx, { userId }) => media.delivery.keepNothing(tx, userId))
  if (enabled) {
    const messages = { ...deps, botId, chats, judge, links, prompts, options }
    handlePrompts(messages)
    bots.add(
      createVoicemailBot({
        ...messages,
        reads,
        inbox,
        leave: recorder.fromMessage,
        promptLinks: createPromptLinks(messages),
      }),
    )
    calls.subscribe(prompts)
  }

  return {
    notes,
    keep,
    deliver,
    listAudit: (filter, limit) => db.read((reader) => listAudit(reader, filter, limit)),
    idle: deliveries.idle,
    part: deliveries.part,
  }
}

import { join } from 'node:path'
import type { Accounts } from './accounts/accounts.ts'
import { s3OptionsOf } from './compose-storage.ts'
import { findProgram } from './config/find-program.ts'
import type { Core } from './context.ts'
import type { Jobs } from './jobs/jobs.ts'
import { makeUserId } from './matrix/ids.ts'
import { contentKinds, type DeliveryPolicy } from './media/delivery/policy.ts'
import { createMedia, type Media, type MediaOptions } from './media/media.ts'

/** The media repository, and what it follows of the accounts. */
export function composeMedia(
  core: Pick<Core, 'config' | 'serverName' | 'clock' | 'log' | 'db' | 'outbound'>,
  { jobs, accounts }: { jobs: Jobs; accounts: Accounts },
): Media {
  const media = createMedia({ ...core, jobs, accounts, fetch: core.outbound, options: optionsOf(core) })
  accounts.onDeactivate(media.userDeactivated)
  accounts.onProfileChange(media.delivery.profileChanged)
  accounts.accountData.onChange(media.delivery.accountDataChanged)
  return media
}

function retentionOf({ remote, thumbnails, local, deletion_log: deletionLog }: Core['config']['media']['retention']) {
  const cache = ({ max_age: maxAge, max_unused: maxUnused, max_total: maxTotal }: typeof remote) => ({
    maxAge,
    maxUnused,
    maxTotal,
  })
  const { max_unused: maxUnused, max_unattached: maxUnattached } = local
  return { remote: cache(remote), thumbnails: cache(thumbnails), local: { maxUnused, maxUnattached }, deletionLog }
}

function optionsOf({ config, serverName }: Pick<Core, 'config' | 'serverName'>): MediaOptions {
  const { media, bots, data_dir: dataDir } = config
  const botNames = [bots.voicemail.localpart, bots.assistant.localpart]
  return {
    serverName,
    folder: join(dataDir, 'media'),
    maxUpload: media.max_upload,
    quotas: media.quotas,
    refusedTypes: media.refused_types,
    allowedTypes: media.allowed_types,
    typeLimits: media.type_limits,
    maxPending: media.max_pending_uploads,
    pendingLifetime: media.pending_upload_lifetime,
    stripMetadata: media.strip_metadata,
    storage: { kind: media.storage.kind, s3: s3OptionsOf(media.storage) },
    sweepInterval: media.sweep_interval,
    maxPixels: media.thumbnails.max_pixels,
    hasFfmpeg: ['ffmpeg', 'ffprobe'].every((name) => findProgram(name) !== undefined),
    previews: { ...media.url_previews, cacheFor: media.url_previews.cache_for },
    delivery: deliveryPolicyOf(media.delivery),
    retention: retentionOf(media.retention),
    retentionSchedule: media.retention.schedule,
    ownUsers: new Set(botNames.map((name) => makeUserId(name, serverName))),
  }
}

/** When media goes, as the configuration says. */
export function deliveryPolicyOf(config: Core['config']['media']['delivery']): DeliveryPolicy {
  const { choices } = config
  const kinds = contentKinds.flatMap((kind) => {
    const own = config.kinds[kind]
    return own ? [[kind, { kind: own.policy, grace: own.grace, maxLifetime: own.max_lifetime }] as const] : []
  })
  return {
    scope: config.scope,
    grace: config.grace,
    serverGrace: config.server_grace,
    maxLifetime: config.max_lifetime,
    redactedGrace: config.redacted_grace,
    kinds: Object.fromEntries(kinds),
    bounds: {
      minGrace: choices.min_grace,
      maxGrace: choices.max_grace,
      minLifetime: choices.min_lifetime,
      maxLifetime: choices.max_lifetime,
    },
  }
}

import type { MediaKind } from '../../db/schema/media-admin.ts'

/** What is kept how long; times in ms, Infinity: for ever. The keys of `media.retention` in the configuration. */
export interface RetentionPolicy {
  readonly remote: CacheLimits
  readonly thumbnails: CacheLimits
  readonly local: { readonly maxUnused: number; readonly maxUnattached: number }
  /** How long the log of deletions is kept. */
  readonly deletionLog: number
}

export interface CacheLimits {
  readonly maxAge: number
  readonly maxUnused: number
  /** In bytes; undefined: no limit. */
  readonly maxTotal: number | undefined
}

export type RetainedKind = Exclude<MediaKind, 'preview'> | 'thumbnail'

/** Why something is due. */
export type RetentionReason = 'too long kept' | 'not used' | 'not attached' | 'too much kept'

/** Things of a kind are due where their time is not after `until`; with `maxTotal` only until no more than that is left. */
export interface RetentionRule {
  readonly kind: RetainedKind
  readonly reason: RetentionReason
  readonly column: 'created_ts' | 'used_ts'
  readonly until: number
  /** Only what nobody has ever asked for and no message shows. */
  readonly isUnattached?: boolean
  readonly maxTotal?: number
}

/** The rules at a time, in the order in which they are applied: limits of space see what the others have left. */
export function retentionRules({ remote, thumbnails, local }: RetentionPolicy, now: number): RetentionRule[] {
  const cache = (kind: RetainedKind, { maxAge, maxUnused, maxTotal }: CacheLimits): RetentionRule[] => [
    { kind, reason: 'too long kept', column: 'created_ts', until: now - maxAge },
    { kind, reason: 'not used', column: 'used_ts', until: now - maxUnused },
    ...(maxTotal === undefined
      ? []
      : [{ kind, reason: 'too much kept', column: 'used_ts', until: now, maxTotal } as const]),
  ]
  const rules: RetentionRule[] = [
    ...cache('remote', remote),
    ...cache('thumbnail', thumbnails),
    { kind: 'local', reason: 'not used', column: 'used_ts', until: now - local.maxUnused },
    {
      kind: 'local',
      reason: 'not attached',
      column: 'created_ts',
      until: now - local.maxUnattached,
      isUnattached: true,
    },
  ]
  return rules.filter(({ until }) => Number.isFinite(until))
}

/** What a rule needs to know about a thing. */
export interface Aged {
  readonly size: number
  readonly createdTs: number
  readonly usedTs: number
  /** Nothing forbids its deletion. */
  readonly isFree: boolean
  /** No message shows it, and nobody has asked for it. */
  readonly isUnattached: boolean
}

/** Whether a rule lets a thing be deleted because of its times. */
export function isDue(rule: RetentionRule, thing: Aged): boolean {
  const ts = rule.column === 'created_ts' ? thing.createdTs : thing.usedTs
  return thing.isFree && ts <= rule.until && (!rule.isUnattached || thing.isUnattached)
}

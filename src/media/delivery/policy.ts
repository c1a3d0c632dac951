import type { DeliveryKind } from './store-deliveries.ts'

/** What is deleted after its delivery, and when; times in ms. The keys of `media.delivery` in the configuration. */
export interface DeliveryPolicy {
  readonly scope: 'notes' | 'all' | 'none'
  readonly grace: number
  readonly maxLifetime: number
  readonly redactedGrace: number
}

/** Why media is due. */
export type DueReason = 'delivered' | 'too old' | 'redacted'

/** Media is due where the time of a rule, of its kind, is not after `until`. */
export interface DueRule {
  readonly reason: DueReason
  readonly column: 'delivered_ts' | 'linked_ts' | 'unlinked_ts'
  readonly kinds: readonly DeliveryKind[]
  readonly until: number
}

/** Whether media of a kind is deleted once it is delivered. */
export function isInScope({ scope }: DeliveryPolicy, kind: DeliveryKind): boolean {
  return scope === 'all' || (scope === 'notes' && kind === 'note')
}

/** The rules by which media is due at a time. A removed note goes at once. */
export function dueRules(policy: DeliveryPolicy, now: number): DueRule[] {
  const kinds = (['note', 'message'] as const).filter((kind) => isInScope(policy, kind))
  const rules: DueRule[] = [
    { reason: 'delivered', column: 'delivered_ts', kinds, until: now - policy.grace },
    { reason: 'too old', column: 'linked_ts', kinds, until: now - policy.maxLifetime },
    { reason: 'redacted', column: 'unlinked_ts', kinds: ['note'], until: now },
    { reason: 'redacted', column: 'unlinked_ts', kinds: ['message'], until: now - policy.redactedGrace },
  ]
  return rules.filter((rule) => rule.kinds.length > 0)
}

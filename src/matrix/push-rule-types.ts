/** Push rules as clients read and write them: https://spec.matrix.org/v1.19/client-server-api/#push-rules */
import type { Json, JsonObject } from './event.ts'

/**
 * In the order in which they are tried. `postcontent` holds rules of the server only:
 * https://github.com/matrix-org/matrix-spec-proposals/pull/4306
 */
export const pushRuleKinds = ['override', 'content', 'postcontent', 'room', 'sender', 'underride'] as const

export type PushRuleKind = (typeof pushRuleKinds)[number]

export type PushAction = string | JsonObject

/** Open: a condition of an unknown kind, or with odd fields, matches nothing. */
export interface PushCondition {
  readonly kind: string
  readonly key?: Json
  readonly pattern?: Json
  readonly value?: Json
  readonly is?: Json
  readonly subscribed?: Json
}

export interface PushRule {
  readonly rule_id: string
  readonly default: boolean
  readonly enabled: boolean
  readonly actions: readonly PushAction[]
  /** Of override, postcontent and underride rules. */
  readonly conditions?: readonly PushCondition[]
  /** Of content rules. */
  readonly pattern?: string
}

export type PushRuleset = { readonly [kind in PushRuleKind]: readonly PushRule[] }

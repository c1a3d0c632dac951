import { createHash } from 'node:crypto'

/** What media is in the message that brings it. */
export const contentKinds = ['note', 'voice', 'image', 'video', 'file', 'ai_image'] as const
export type ContentKind = (typeof contentKinds)[number]

export type PolicyKind = 'after_delivery' | 'keep'

/** What somebody wants of it; times in ms. What is not said is as it would be without. */
export interface Choice {
  readonly kind?: PolicyKind | undefined
  readonly grace?: number | undefined
  readonly maxLifetime?: number | undefined
}

/** What is deleted after its delivery, and when; times in ms. The keys of `media.delivery` in the configuration. */
export interface DeliveryPolicy {
  readonly scope: 'notes' | 'all' | 'none'
  /** Undefined: by the kind. */
  readonly grace: number | undefined
  /** For others on a server that has fetched it; undefined: the grace. */
  readonly serverGrace?: number | undefined
  /** Undefined: by the kind. */
  readonly maxLifetime: number | undefined
  readonly redactedGrace: number
  readonly kinds?: Partial<Record<ContentKind, Choice>>
  /** Between which rooms and people may choose. */
  readonly bounds?: {
    readonly minGrace?: number | undefined
    readonly maxGrace?: number | undefined
    readonly minLifetime?: number | undefined
    readonly maxLifetime?: number | undefined
  }
}

/** What holds for one piece of media because of one message; times in ms. */
export interface Rule {
  /** Whether it goes once everybody has it. */
  readonly isDeleted: boolean
  readonly grace: number
  readonly serverGrace: number
  /** After the message was sent, delivered or not; undefined: no limit. */
  readonly maxLifetime: number | undefined
}

const day = 24 * 60 * 60 * 1000
const defaultGrace = (kind: ContentKind) => (kind === 'note' ? 7 : 30) * day
const defaultLifetime = (kind: ContentKind) => (kind === 'note' ? 30 * day : kind === 'ai_image' ? 90 * day : undefined)

/**
 * The rule for media of a kind: what the room has chosen goes before what its uploader has, that before what a recipient
 * has, and that before the server's.
 */
export function ruleFor(
  policy: DeliveryPolicy,
  kind: ContentKind,
  { room = {}, user = {}, recipient = {} }: { room?: Choice; user?: Choice; recipient?: Choice } = {},
): Rule {
  const grace = policy.grace ?? defaultGrace(kind)
  const serverGrace = policy.serverGrace ?? grace
  if (policy.scope === 'none') return { isDeleted: false, grace, serverGrace, maxLifetime: undefined }
  const isDeleted = policy.scope === 'all' || kind === 'note'
  const lifetime = isDeleted ? policy.maxLifetime : undefined
  const server: Rule = { isDeleted, grace, serverGrace, maxLifetime: lifetime ?? defaultLifetime(kind) }
  const own = withChoice(server, policy.kinds?.[kind] ?? {}, kind)
  return [recipient, user, room].reduce((rule, choice) => withChoice(rule, bounded(choice, policy), kind), own)
}

function withChoice(rule: Rule, choice: Choice, kind: ContentKind): Rule {
  const grace = choice.grace ?? rule.grace
  const serverGrace = choice.grace ?? rule.serverGrace
  const inherited = choice.kind === 'keep' ? undefined : (rule.maxLifetime ?? lifetimeOnceChosen(choice, kind))
  const isDeleted = choice.kind === undefined ? rule.isDeleted : choice.kind === 'after_delivery'
  return { isDeleted, grace, serverGrace, maxLifetime: choice.maxLifetime ?? inherited }
}

/** Whoever wants a note gone does not want it for ever when somebody never fetches it. */
const lifetimeOnceChosen = (choice: Choice, kind: ContentKind) =>
  choice.kind === 'after_delivery' ? defaultLifetime(kind) : undefined

function bounded(choice: Choice, { bounds = {} }: DeliveryPolicy): Choice {
  const { minGrace, maxGrace, minLifetime, maxLifetime } = bounds
  const isKept = choice.kind === 'keep' && choice.maxLifetime === undefined
  return {
    kind: choice.kind,
    grace: within(choice.grace, minGrace, maxGrace),
    maxLifetime: isKept ? maxLifetime : within(choice.maxLifetime, minLifetime, maxLifetime),
  }
}

function within(value: number | undefined, least = 0, most = Number.MAX_SAFE_INTEGER): number | undefined {
  return value === undefined ? undefined : Math.max(least, Math.min(value, most))
}

/** Media that several messages show is kept as long as any of them asks for. */
export function keepLongest(rules: readonly Rule[]): Rule {
  const lifetimes = rules.map(({ maxLifetime }) => maxLifetime)
  return {
    isDeleted: rules.every(({ isDeleted }) => isDeleted),
    grace: Math.max(...rules.map(({ grace }) => grace)),
    serverGrace: Math.max(...rules.map(({ serverGrace }) => serverGrace)),
    maxLifetime: lifetimes.reduce((a, b) => (a === undefined || b === undefined ? undefined : Math.max(a, b))),
  }
}

/** Changes when the policy does, so that what was worked out by another is known. */
export function digestOf(policy: DeliveryPolicy): string {
  return createHash('sha256').update(JSON.stringify(policy)).digest('base64url').slice(0, 16)
}

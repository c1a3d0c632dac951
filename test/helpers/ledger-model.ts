/**
 * What the ledger of deliveries has to do, written down as plainly as possible: it keeps every message in memory, works
 * everything out anew at each question, and counts time by hand.
 */
import type { DeliveryPolicy } from '../../src/media/delivery/policy.ts'

interface Link {
  readonly event: number
  readonly room: number
  readonly sender: string
  readonly isNote: boolean
  /** The media that this one is a thumbnail of. */
  readonly main: number | undefined
  /** Who must have it; undefined where that is not followed. */
  readonly awaited: Set<string> | undefined
  isOpen: boolean
}

/** A hold, and until when it is one. */
interface Hold {
  readonly kind: string
  readonly until: number
}

interface ModelMedia {
  readonly uploader: string
  readonly content: string
  readonly links: Link[]
  readonly fetched: Set<string>
  isPinned: boolean
  holds: Hold[]
  isDeleted: boolean
  /** When the last message came that counts, and how long its clock has run since. */
  linkedAt: number
  linkedFor: number
  /** For how long everybody has had it, and the server of others; undefined while not. */
  deliveredFor: number | undefined
  serverFor: number | undefined
  /** For how long nothing has shown it. */
  unlinkedFor: number | undefined
  pausedMs: number
}

/** What a room or a user has chosen. */
export interface ModelChoice {
  readonly kind: 'keep' | 'after_delivery'
  readonly grace?: number
  readonly max_lifetime?: number
}

interface ModelRule {
  readonly deletes: boolean
  readonly grace: number
  readonly serverGrace: number
  readonly lifetime: number
}

const day = 86_400_000
const never = Number.POSITIVE_INFINITY
export const farServer = 'server:far.example'

export class LedgerModel {
  readonly media: ModelMedia[] = []
  readonly rooms: Set<string>[]
  readonly roomChoices = new Map<number, ModelChoice>()
  readonly userChoices = new Map<string, ModelChoice>()
  /** Legal holds of everything that a user has uploaded, by the user. */
  readonly heldUsers = new Set<string>()
  now = 0
  /** Since when the other server is away. */
  awaySince: number | undefined
  readonly #policy: DeliveryPolicy & { grace: number; maxLifetime: number }
  readonly #nameOf: (user: string) => string | undefined

  constructor(
    policy: DeliveryPolicy & { grace: number; maxLifetime: number },
    rooms: Set<string>[],
    nameOf: (user: string) => string | undefined,
  ) {
    this.#policy = policy
    this.rooms = rooms
    this.#nameOf = nameOf
  }

  upload(uploader: string, content: string): void {
    this.media.push({
      uploader,
      content,
      links: [],
      fetched: new Set(),
      isPinned: false,
      holds: [],
      isDeleted: false,
      linkedAt: 0,
      linkedFor: 0,
      deliveredFor: undefined,
      serverFor: undefined,
      unlinkedFor: undefined,
      pausedMs: 0,
    })
  }

  at(n: number): ModelMedia {
    const media = this.media[n]
    if (!media) throw new Error(`no media ${n}`)
    return media
  }

  /** Time passes; the clocks of what is held stand still. */
  wait(ms: number): void {
    for (const media of this.media) {
      const ends = media.holds.map(({ until }) => until)
      const heldUntil = this.heldUsers.has(media.uploader) ? never : Math.max(this.now, ...ends)
      const ran = ms - Math.min(ms, heldUntil - this.now)
      media.linkedFor += ran
      if (media.deliveredFor !== undefined) media.deliveredFor += ran
      if (media.serverFor !== undefined) media.serverFor += ran
      if (media.unlinkedFor !== undefined) media.unlinkedFor += ran
    }
    this.now += ms
    for (const media of this.media) media.holds = media.holds.filter(({ until }) => until > this.now)
  }

  /** Whether the uploader has ever sent it where we could see it. */
  isFollowed({ links, uploader }: ModelMedia): boolean {
    return links.some(({ sender }) => sender === uploader)
  }

  isNote({ links, uploader }: ModelMedia): boolean {
    return links.filter(({ sender }) => sender === uploader).every(({ isNote }) => isNote)
  }

  #ruleOf(isNote: boolean, room: number, uploader: string): ModelRule {
    const { scope, grace, serverGrace = grace, maxLifetime } = this.#policy
    if (scope === 'none') return { deletes: false, grace, serverGrace, lifetime: never }
    const deletes = scope === 'all' || isNote
    let rule: ModelRule = { deletes, grace, serverGrace, lifetime: deletes ? maxLifetime : never }
    for (const choice of [isNote ? this.userChoices.get(uploader) : undefined, this.roomChoices.get(room)]) {
      if (!choice) continue
      const lifetime = choice.kind === 'keep' ? never : rule.lifetime === never && isNote ? 30 * day : rule.lifetime
      rule = {
        deletes: choice.kind === 'after_delivery',
        grace: choice.grace ?? rule.grace,
        serverGrace: choice.grace ?? rule.serverGrace,
        lifetime: choice.max_lifetime ?? lifetime,
      }
    }
    return rule
  }

  #rules({ links, uploader }: ModelMedia): ModelRule[] {
    const own = links.filter(({ sender }) => sender === uploader)
    const open = own.filter(({ isOpen }) => isOpen)
    return (open.length > 0 ? open : own).map(({ isNote, room }) => this.#ruleOf(isNote, room, uploader))
  }

  /** Whether messages of this kind make it worth knowing for whom they are. */
  #matters(isNote: boolean, room: number, sender: string): boolean {
    return this.#ruleOf(isNote, room, sender).deletes
  }

  send(message: {
    event: number
    room: number
    sender: string
    isNote: boolean
    main: number
    thumbnail?: number | undefined
    /** The sender says so: nobody can see it. */
    isDeclared?: boolean
  }) {
    const { event, room, sender, isNote, main, thumbnail, isDeclared = false } = message
    const shown = [main, ...(thumbnail === undefined || thumbnail === main ? [] : [thumbnail])].filter(
      (n) => !this.at(n).isDeleted,
    )
    const mainLives = shown.includes(main)
    const matters = isDeclared || this.#matters(isNote, room, sender) || shown.some((n) => this.isFollowed(this.at(n)))
    const others = [...(this.rooms[room] ?? [])].filter((user) => user !== sender)
    const names = new Set(others.flatMap((user) => this.#nameOf(user) ?? []))
    for (const n of shown) {
      const media = this.at(n)
      const isThumbnail = n !== main && mainLives
      const awaited = matters && names.size > 0 && !isThumbnail ? new Set(names) : undefined
      media.links.push({ event, room, sender, isNote, main: isThumbnail ? main : undefined, awaited, isOpen: true })
      if (!this.isFollowed(media)) continue
      media.linkedAt = this.now
      media.linkedFor = 0
      media.pausedMs = 0
      media.deliveredFor = undefined
      media.unlinkedFor = undefined
    }
    this.#look()
  }

  /** A message is redacted, or replaced by its sender. */
  close(event: number, sender?: string): void {
    for (const { links } of this.media) {
      for (const link of links)
        if (link.event === event && (sender === undefined || link.sender === sender)) link.isOpen = false
    }
    this.#look()
  }

  leave(user: string, room: number): void {
    this.rooms[room]?.delete(user)
    const name = this.#nameOf(user)
    const isStillIn = [...(this.rooms[room] ?? [])].some((other) => this.#nameOf(other) === name)
    if (name === undefined || isStillIn) return
    for (const { links } of this.media) for (const link of links) if (link.room === room) link.awaited?.delete(name)
    this.#look()
  }

  fetch(n: number, name: string): void {
    const media = this.at(n)
    const counts = this.isFollowed(media) || name === farServer
    if (!media.isDeleted && counts && !media.fetched.has(name)) {
      media.fetched.add(name)
      if (name === farServer) media.serverFor = 0
    }
    this.#look()
  }

  /** Since when the other server could not be reached, as far as that keeps media waiting; in ms. */
  #outage(media: ModelMedia): number {
    const open = media.links.filter(({ isOpen }) => isOpen)
    const lacks = open.some(({ awaited }) => awaited?.has(farServer)) && !media.fetched.has(farServer)
    return lacks && this.awaySince !== undefined ? this.now - Math.max(this.awaySince, media.linkedAt) : 0
  }

  serverBack(): void {
    for (const media of this.media) media.pausedMs += this.#outage(media)
    this.awaySince = undefined
  }

  /** Notes since when everybody has what, and since when what is shown nowhere. */
  #look(): void {
    for (const media of this.media) {
      if (media.isDeleted || !this.isFollowed(media)) continue
      const open = media.links.filter(({ isOpen }) => isOpen)
      const isDelivered =
        open.length > 0 && open.every(({ awaited }) => awaited && [...awaited].every((name) => media.fetched.has(name)))
      media.deliveredFor = isDelivered ? (media.deliveredFor ?? 0) : undefined
      media.unlinkedFor = open.length === 0 ? (media.unlinkedFor ?? 0) : undefined
    }
  }

  mayGo({ isPinned, holds, isDeleted, uploader }: ModelMedia): boolean {
    return !isPinned && holds.length === 0 && !this.heldUsers.has(uploader) && !isDeleted
  }

  /** Whether the rules say that it must go now. */
  isDue(media: ModelMedia): boolean {
    if (!this.mayGo(media) || !this.isFollowed(media)) return false
    const { deliveredFor, unlinkedFor, linkedFor, serverFor, links, pausedMs } = media
    if (unlinkedFor !== undefined && unlinkedFor >= (this.isNote(media) ? 0 : this.#policy.redactedGrace)) return true
    const rules = this.#rules(media)
    const lifetime = Math.max(...rules.map((rule) => rule.lifetime))
    const pause = Math.min(pausedMs + this.#outage(media), 14 * day, Math.max(0, 60 * day - lifetime))
    if (linkedFor >= lifetime + pause) return true
    if (deliveredFor === undefined || !rules.every(({ deletes }) => deletes)) return false
    const waitsForServer = serverFor !== undefined && links.some(({ awaited }) => awaited?.has(farServer))
    const serverIsDone = !waitsForServer || serverFor >= Math.max(...rules.map((rule) => rule.serverGrace))
    return deliveredFor >= Math.max(...rules.map((rule) => rule.grace)) && serverIsDone
  }

  /** Whether it is shown for nothing but media of `mains`. */
  isThumbnailOf(media: ModelMedia, mains: ReadonlySet<number>): boolean {
    const open = media.links.filter(({ isOpen }) => isOpen)
    return this.mayGo(media) && open.length > 0 && open.every(({ main }) => main !== undefined && mains.has(main))
  }
}

/**
 * What the ledger of deliveries has to do, written down as plainly as possible: it keeps every message in memory and
 * works everything out anew at each question.
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

interface ModelMedia {
  readonly uploader: string
  readonly content: string
  readonly links: Link[]
  readonly fetched: Set<string>
  isPinned: boolean
  readonly holds: Set<string>
  isDeleted: boolean
  /** When the last message came that counts. */
  linkedAt: number
  deliveredSince: number | undefined
  unlinkedSince: number | undefined
}

export class LedgerModel {
  readonly media: ModelMedia[] = []
  readonly rooms: Set<string>[]
  now = 0
  readonly #policy: DeliveryPolicy
  readonly #nameOf: (user: string) => string | undefined

  constructor(policy: DeliveryPolicy, rooms: Set<string>[], nameOf: (user: string) => string | undefined) {
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
      holds: new Set(),
      isDeleted: false,
      linkedAt: 0,
      deliveredSince: undefined,
      unlinkedSince: undefined,
    })
  }

  at(n: number): ModelMedia {
    const media = this.media[n]
    if (!media) throw new Error(`no media ${n}`)
    return media
  }

  /** Whether the uploader has ever sent it where we could see it. */
  isFollowed({ links, uploader }: ModelMedia): boolean {
    return links.some(({ sender }) => sender === uploader)
  }

  isNote({ links, uploader }: ModelMedia): boolean {
    return links.filter(({ sender }) => sender === uploader).every(({ isNote }) => isNote)
  }

  #inScope(isNote: boolean): boolean {
    return this.#policy.scope === 'all' || (this.#policy.scope === 'notes' && isNote)
  }

  send(message: {
    event: number
    room: number
    sender: string
    isNote: boolean
    main: number
    thumbnail?: number | undefined
  }) {
    const { event, room, sender, isNote, main, thumbnail } = message
    const shown = [main, ...(thumbnail === undefined || thumbnail === main ? [] : [thumbnail])].filter(
      (n) => !this.at(n).isDeleted,
    )
    const mainLives = shown.includes(main)
    const matters = this.#inScope(isNote) || shown.some((n) => this.isFollowed(this.at(n)))
    const others = [...(this.rooms[room] ?? [])].filter((user) => user !== sender)
    const names = new Set(others.flatMap((user) => this.#nameOf(user) ?? []))
    for (const n of shown) {
      const media = this.at(n)
      const isThumbnail = n !== main && mainLives
      const awaited = matters && names.size > 0 && !isThumbnail ? new Set(names) : undefined
      media.links.push({ event, room, sender, isNote, main: isThumbnail ? main : undefined, awaited, isOpen: true })
      if (!this.isFollowed(media)) continue
      media.linkedAt = this.now
      media.deliveredSince = undefined
      media.unlinkedSince = undefined
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
    if (!media.isDeleted && this.isFollowed(media)) media.fetched.add(name)
    this.#look()
  }

  /** Notes since when everybody has what, and since when what is shown nowhere. */
  #look(): void {
    for (const media of this.media) {
      if (media.isDeleted || !this.isFollowed(media)) continue
      const open = media.links.filter(({ isOpen }) => isOpen)
      const isDelivered =
        open.length > 0 && open.every(({ awaited }) => awaited && [...awaited].every((name) => media.fetched.has(name)))
      media.deliveredSince = isDelivered ? (media.deliveredSince ?? this.now) : undefined
      media.unlinkedSince = open.length === 0 ? (media.unlinkedSince ?? this.now) : undefined
    }
  }

  mayGo({ isPinned, holds, isDeleted }: ModelMedia): boolean {
    return !isPinned && holds.size === 0 && !isDeleted
  }

  /** Whether the rules say that it must go now. */
  isDue(media: ModelMedia): boolean {
    if (!this.mayGo(media) || !this.isFollowed(media)) return false
    const { grace, maxLifetime, redactedGrace } = this.#policy
    const { deliveredSince, unlinkedSince, linkedAt } = media
    const isNote = this.isNote(media)
    const isOver = (since: number | undefined, ms: number) => since !== undefined && this.now - since >= ms
    if (isOver(unlinkedSince, isNote ? 0 : redactedGrace)) return true
    return this.#inScope(isNote) && (isOver(deliveredSince, grace) || isOver(linkedAt, maxLifetime))
  }

  /** Whether it is shown for nothing but media of `mains`. */
  isThumbnailOf(media: ModelMedia, mains: ReadonlySet<number>): boolean {
    const open = media.links.filter(({ isOpen }) => isOpen)
    return this.mayGo(media) && open.length > 0 && open.every(({ main }) => main !== undefined && mains.has(main))
  }
}

/** How much is measured: every scenario is bounded by these. */
export interface Options {
  /** Length of a measured phase in s, after `warmup` s that do not count. */
  seconds: number
  warmup: number
  /** At most this many messages in one phase. */
  maxMessages: number
  senders: readonly number[]
  manyRooms: number
  rates: readonly number[]
  polls: readonly number[]
  rooms: readonly number[]
  /** Members of the room whose messages are pushed, and how many of them have a pusher. */
  members: number
  pushers: number
  diskMessages: number
  /** Messages that are searched, and those of the one room whose history is paged. */
  searchMessages: number
  historyMessages: number
  /** Sizes of the files that are uploaded and downloaded, and of those that a crowd uploads at once. */
  mediaBytes: readonly number[]
  crowdBytes: number
  /** Rows of media that a sweep looks through. */
  mediaRows: number
  /** State events of the room that is joined through another server; half of them are of members. */
  joinState: number
  /** Whether that server may leave the members out of its answer, so that they come later. */
  omitMembers: boolean
  /** Events that other servers send. */
  inboundEvents: number
  /** Servers that each message goes to. */
  fanOut: number
  /** State events of two branches that contradict each other. */
  conflicts: number
  /** What preparing one step (registrations, joins, rooms) may take in s; what exists by then is measured. */
  setupSeconds: number
  /** undefined: the server's default. */
  roomVersion: string | undefined
}

/** The figures of RESULTS.md: about a quarter of an hour, a third of which is the million messages. */
export const FULL: Options = {
  seconds: 8,
  warmup: 2,
  maxMessages: 50_000,
  senders: [1, 10, 100],
  manyRooms: 100,
  rates: [50, 200],
  polls: [1000, 5000],
  rooms: [200, 1000],
  members: 10_000,
  pushers: 1000,
  diskMessages: 5000,
  searchMessages: 1_000_000,
  historyMessages: 100_000,
  mediaBytes: [1000, 1_000_000, 1_000_000_000],
  crowdBytes: 100_000_000,
  mediaRows: 1_000_000,
  joinState: 20_000,
  omitMembers: true,
  inboundEvents: 5000,
  fanOut: 50,
  conflicts: 1000,
  setupSeconds: 300,
  roomVersion: undefined,
}

/** A look within a minute or two; too short for figures to be published. */
export const QUICK: Options = {
  ...FULL,
  seconds: 2,
  warmup: 0.5,
  polls: [200],
  rooms: [50],
  members: 300,
  pushers: 100,
  diskMessages: 1000,
  searchMessages: 20_000,
  historyMessages: 10_000,
  crowdBytes: 5_000_000,
  mediaRows: 50_000,
  joinState: 2000,
  inboundEvents: 1000,
  fanOut: 20,
  mediaBytes: [1000, 1_000_000],
  conflicts: 200,
  setupSeconds: 60,
}

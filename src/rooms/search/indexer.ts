import type { Database, Tx } from '../../db/database.ts'
import type { Streams } from '../../db/streams.ts'
import { yieldNow } from '../../util/async.ts'
import type { Log } from '../../util/log.ts'
import type { PersistHook, StoredEvent } from '../types.ts'
import type { IndexedText } from './index-types.ts'
import { indexedPhrases } from './phrases.ts'
import { searchIndexOf } from './search-index.ts'
import {
  getIndexedUpTo,
  getNewestPosition,
  listEventsById,
  listTexts,
  listWaiting,
  updateIndexedUpTo,
  type Waiting,
} from './store-search.ts'
import { editedTextOf, textOf } from './text-of.ts'
import { editedBy, listVersions } from './versions.ts'

/**
 * Keeps the full-text index. New events are indexed many at once, which costs a fraction of one by one: when enough of them
 * wait, and before anybody searches. What is redacted leaves the index in the transaction of its redaction.
 */
export interface SearchIndexer {
  readonly hook: PersistHook
  /** Takes what stands at these positions out of the index. */
  remove(tx: Tx, positions: readonly number[]): Promise<void>
  /** Resolves when everything is indexed that was committed before; a long backlog, as after an import, is not waited for. */
  catchUp(): Promise<void>
  start(): void
  /** Resolves when nothing is being indexed any more. */
  stop(): Promise<void>
}

/** So many events are indexed in one transaction, and so many characters of them. */
const batchSize = 256
const batchLength = 500_000
/** An edit brings its original and other edits with it. */
const editLength = 25_000
/** Somebody who searches waits for so many transactions. */
const patience = 8

export function createSearchIndexer(deps: {
  readonly db: Database
  readonly streams: Streams
  readonly log: Log
}): SearchIndexer {
  const { db, streams, log } = deps
  const index = searchIndexOf(db.engine)
  /** What was known last: the database may be further. */
  let indexed = 0
  let checked = 0
  let current: Promise<void> | undefined
  let working: Promise<void> | undefined
  let isStopping = false
  let unsubscribe = () => {}

  /** Files messages with all that they have said, so that those find them, too, who do not see the last edit. */
  async function file(tx: Tx, originals: readonly StoredEvent[]): Promise<void> {
    const versions = await listVersions(tx, originals)
    const texts = originals.flatMap((event) => indexedText(event, versions.get(event.eventId) ?? []) ?? [])
    const positions = originals.flatMap(({ streamPos }) => streamPos ?? [])
    const filed = new Set(texts.map(({ pos }) => pos))
    await index.put(tx, texts)
    // An edit may have been all that there were words in.
    await index.remove(
      tx,
      positions.filter((pos) => !filed.has(pos)),
    )
  }

  async function edited(tx: Tx, ids: readonly string[]): Promise<StoredEvent[]> {
    return (await listEventsById(tx, ids)).filter(({ status }) => status === 0)
  }

  async function fileNew(tx: Tx, events: readonly StoredEvent[]): Promise<void> {
    const originals = new Map<number, StoredEvent>()
    const editedIds = new Set<string>()
    for (const event of events) {
      const id = editedBy(event)
      if (id === undefined) originals.set(event.nid, event)
      else editedIds.add(id)
    }
    for (const event of await edited(tx, [...editedIds])) originals.set(event.nid, event)
    await file(tx, [...originals.values()])
  }

  function indexBatch(): Promise<void> {
    current ??= db
      .write('index for search', async (tx) => {
        const from = await getIndexedUpTo(tx)
        const upTo = endOf(await listWaiting(tx, from, batchSize))
        if (upTo === undefined) return from
        await fileNew(tx, await listTexts(tx, from, upTo))
        await updateIndexedUpTo(tx, upTo)
        return upTo
      })
      .then((upTo) => {
        indexed = upTo
      })
      .finally(() => {
        current = undefined
      })
    return current
  }

  async function work(): Promise<void> {
    for (let wanted = 0; !isStopping; await yieldNow()) {
      wanted = await db.read(getNewestPosition)
      if (indexed >= wanted) return
      await indexBatch()
    }
  }

  function workInBackground(): void {
    working ??= work()
      .catch((error: unknown) => log.error({ err: error }, 'the search index could not be written'))
      .finally(() => {
        working = undefined
      })
  }

  return {
    hook: async (tx, { history, redacted }) => {
      // It has its place before what is indexed in order.
      if (history.length > 0) await fileNew(tx, history)
      if (redacted.length === 0) return
      await index.remove(
        tx,
        redacted.flatMap(({ streamPos }) => streamPos ?? []),
      )
      const ids = redacted.flatMap((event) => editedBy(event) ?? [])
      if (ids.length > 0) await file(tx, await edited(tx, ids))
    },
    remove: (tx, positions) => index.remove(tx, positions),
    catchUp: async () => {
      const wanted = await db.read(async (reader) => {
        indexed = await getIndexedUpTo(reader)
        return getNewestPosition(reader)
      })
      for (let i = 0; i < patience && indexed < wanted; i += 1) await indexBatch()
      if (indexed < wanted) workInBackground()
    },
    start: () => {
      unsubscribe = streams.subscribe(({ position }) => {
        if (position - checked < batchSize) return
        checked = position
        workInBackground()
      })
      workInBackground()
    },
    stop: async () => {
      isStopping = true
      unsubscribe()
      await working
    },
  }
}

/** The stream position up to which the first of the events make a batch. */
function endOf(events: readonly Waiting[]): number | undefined {
  let length = 0
  const fitting = events.findIndex(({ size, is_edit }) => {
    length += size + is_edit * editLength
    return length >= batchLength
  })
  return events.at(fitting)?.stream_pos ?? undefined
}

function indexedText(event: StoredEvent, edits: readonly StoredEvent[]): IndexedText | undefined {
  const original = event.redactedBy === undefined ? textOf(event.pdu) : undefined
  if (original === undefined || event.streamPos === undefined) return undefined
  const texts = [original.text, ...edits.flatMap(({ pdu }) => editedTextOf(pdu) ?? [])]
  const phrases = indexedPhrases(texts)
  if (phrases.length === 0) return undefined
  const { streamPos: pos, roomNid } = event
  return { pos, roomNid, sender: event.pdu.sender, kind: original.kind, phrases }
}

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import type { Pdu } from '../../src/matrix/event.ts'
import type { EventId } from '../../src/matrix/ids.ts'
import { getRoomVersionRules, type RoomVersionRules } from '../../src/matrix/room-versions.ts'
import { type StateMap, stateMapKey } from '../../src/matrix/state-map.ts'
import type { ResolvableEvent } from '../../src/matrix/state-res.ts'

export interface StateResVector {
  readonly name: string
  readonly rules: RoomVersionRules
  readonly batches: readonly (readonly ResolvableEvent[])[]
  readonly stateSets: readonly StateMap[] | undefined
  readonly expected: StateMap
}

interface VectorFile {
  name: string
  events: (Pdu & { event_id: EventId })[][]
  state_sets?: EventId[][]
  expected: { type: string; state_key: string; event_id: EventId }[]
}

const folder = new URL('../../../shared/state-res/', import.meta.url)

/** The vectors beside the repository; undefined where there are none. */
export function loadStateResVectors(): StateResVector[] | undefined {
  if (!existsSync(folder)) return undefined
  const files = readdirSync(folder).filter((file) => file.endsWith('.json'))
  return files.sort().map((file) => readVector(JSON.parse(readFileSync(new URL(file, folder), 'utf8'))))
}

function readVector(file: VectorFile): StateResVector {
  const batches = file.events.map((batch) => batch.map((pdu) => ({ eventId: pdu.event_id, pdu })))
  const events = new Map(batches.flat().map((event) => [event.eventId, event]))
  const create = batches.flat().find(({ pdu }) => pdu.type === 'm.room.create')
  const rules = getRoomVersionRules(String(create?.pdu.content.room_version))
  if (rules === undefined) throw new Error(`${file.name} has no known room version`)
  const keyOf = (id: EventId): string => {
    const pdu = events.get(id)?.pdu
    return stateMapKey(pdu?.type ?? '', pdu?.state_key ?? '')
  }
  return {
    name: file.name,
    rules,
    batches,
    stateSets: file.state_sets?.map((ids) => new Map(ids.map((id) => [keyOf(id), id]))),
    expected: new Map(file.expected.map((one) => [stateMapKey(one.type, one.state_key), one.event_id])),
  }
}

import type { UserId } from '../matrix/ids.ts'

/** Bytes on their way that belong to somebody, until it is disposed of. */
export interface Reservation extends Disposable {
  grow(bytes: number): void
}

/** How much each user is uploading now: it fills the disk before any of it is kept. */
export interface UnderWay {
  of(userId: UserId): number
  reserve(userId: UserId, bytes: number): Reservation
}

export function createUnderWay(): UnderWay {
  const sums = new Map<UserId, number>()
  const add = (userId: UserId, bytes: number) => {
    const sum = (sums.get(userId) ?? 0) + bytes
    if (sum > 0) sums.set(userId, sum)
    else sums.delete(userId)
  }
  return {
    of: (userId) => sums.get(userId) ?? 0,
    reserve: (userId, bytes) => {
      let mine = bytes
      add(userId, mine)
      return {
        grow: (more) => {
          mine += more
          add(userId, more)
        },
        [Symbol.dispose]: () => {
          add(userId, -mine)
          mine = 0
        },
      }
    },
  }
}

/** After so much that nobody has announced it is looked again whether there is room. */
const stepBytes = 512 * 1024

/** The pieces of a body; what there is beyond what was announced is added to a reservation, and `check` may refuse it. */
export async function* withinReservation(
  pieces: AsyncIterable<Uint8Array>,
  { announced, reserved }: { announced: number; reserved: Reservation },
  check: () => Promise<void>,
): AsyncGenerator<Uint8Array> {
  let left = announced
  let unchecked = 0
  for await (const piece of pieces) {
    const more = Math.max(0, piece.length - Math.max(0, left))
    left -= piece.length
    reserved.grow(more)
    unchecked += more
    if (unchecked >= stepBytes) {
      await check()
      unchecked = 0
    }
    yield piece
  }
}

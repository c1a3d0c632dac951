/** A number of notifications, and how many of them are highlights. */
export interface Tally {
  readonly n: number
  readonly h: number
}

export const nothing: Tally = { n: 0, h: 0 }

export const plus = (a: Tally, b: Tally): Tally => ({ n: a.n + b.n, h: a.h + b.h })
export const minus = (a: Tally, b: Tally): Tally => ({ n: a.n - b.n, h: a.h - b.h })
export const isNothing = ({ n, h }: Tally): boolean => n === 0 && h === 0

/** What a push rule's verdict adds to the counts. */
export function tallyOf({ notify, highlight }: { notify: boolean; highlight: boolean }): Tally {
  return { n: notify ? 1 : 0, h: notify && highlight ? 1 : 0 }
}

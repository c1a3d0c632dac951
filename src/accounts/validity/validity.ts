import type { Clock } from '../../util/clock.ts'
import type { User } from '../types.ts'

/** What decides when an account ends. */
export type ValidityFacts = Pick<User, 'expiresTs' | 'isAdmin' | 'appserviceId' | 'userType'>

/** Which accounts end, and when. */
export interface Validity {
  /** How long accounts last, in ms; undefined: for ever. */
  readonly period: number | undefined
  /** When an account ends that begins or is renewed now, in ms since 1970; undefined: never. */
  newEnd(): number | undefined
  /** When the account ends, in ms since 1970; undefined: never. */
  endOf(account: ValidityFacts): number | undefined
  isExpired(account: ValidityFacts): boolean
}

export function createValidity(clock: Clock, period: number | undefined): Validity {
  const endOf = (account: ValidityFacts) => (period === undefined || isExempt(account) ? undefined : account.expiresTs)
  return {
    period,
    newEnd: () => (period === undefined ? undefined : clock.now() + period),
    endOf,
    isExpired: (account) => (endOf(account) ?? Number.POSITIVE_INFINITY) <= clock.now(),
  }
}

/** Whoever could renew the others, and programs, which read no mail: those of the server itself have a user type. */
export function isExempt({ isAdmin, appserviceId, userType }: ValidityFacts): boolean {
  return isAdmin || appserviceId !== undefined || userType !== undefined
}

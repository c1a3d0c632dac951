import { hash, verify } from '@node-rs/argon2'
import { errors } from '../matrix/errors.ts'
import { randomToken } from '../util/random.ts'

export interface PasswordCost {
  /** Memory of one hash in KiB. */
  readonly memoryKib: number
  readonly passes: number
}

export interface Passwords {
  /** An Argon2id hash in PHC form. Takes tens of ms on another thread: never call it inside a database closure. */
  hash(password: string): Promise<string>
  /** Whether the password matches; takes equally long where there is no account or no password. */
  verify(stored: string | null | undefined, password: string): Promise<boolean>
  /** Throws `M_WEAK_PASSWORD` for a password that new accounts may not have. */
  check(password: string): void
}

const maxBytes = 512

/** `minLength` counts characters; 1 refuses only the empty password. */
export function createPasswords(cost: PasswordCost, minLength = 1): Passwords {
  const options = { memoryCost: cost.memoryKib, timeCost: cost.passes, parallelism: 1 }
  let decoy: Promise<string> | undefined

  return {
    hash: (password) => hash(password, options),
    verify: async (stored, password) => {
      decoy ??= hash(randomToken(), options)
      if (Buffer.byteLength(password) > maxBytes) return false
      const matches = await verify(stored ?? (await decoy), password)
      return matches && stored !== null && stored !== undefined
    },
    check: (password) => {
      if (password.length === 0) throw errors.weakPassword('The password is empty')
      if ([...password].length < minLength) {
        throw errors.weakPassword(`The password needs at least ${minLength} characters`)
      }
      if (Buffer.byteLength(password) > maxBytes) {
        throw errors.weakPassword(`The password has more than ${maxBytes} bytes`)
      }
    },
  }
}

import type { Database, Reader } from '../db/database.ts'
import { deleteFact, getFact, setFact } from '../db/server-facts.ts'
import type { UserId } from '../matrix/ids.ts'
import { randomToken } from '../util/random.ts'
import type { Passwords } from './passwords.ts'
import { hashToken } from './tokens.ts'
import type { Users } from './users.ts'

const fact = 'setup_token_hash'

export interface Setup {
  /** A fresh one-time token while nobody has an account, else undefined. Earlier tokens end. */
  open(): Promise<string | undefined>
  isValid(token: string): Promise<boolean>
  /** Uses the token up and makes the first administrator; false for a used or unknown token. */
  complete(token: string, userId: UserId, password: string): Promise<boolean>
}

/** The first person becomes administrator by a link that stands in the log: whoever can read that owns the server. */
export function createSetup(deps: { db: Database; users: Users; passwords: Passwords }): Setup {
  const { db, users, passwords } = deps

  const matches = async (reader: Reader, token: string) =>
    (await getFact(reader, fact)) === hashToken(token) && !(await users.hasPeople(reader))

  return {
    open: () =>
      db.write('open setup', async (tx) => {
        await deleteFact(tx, fact)
        if (await users.hasPeople(tx)) return undefined
        const token = randomToken(24)
        await setFact(tx, fact, hashToken(token))
        return token
      }),
    isValid: (token) => db.read((reader) => matches(reader, token)),
    complete: async (token, userId, password) => {
      const passwordHash = await passwords.hash(password)
      return db.write('complete setup', async (tx) => {
        if (!(await matches(tx, token))) return false
        await users.insert(tx, { userId, passwordHash, isAdmin: true })
        return deleteFact(tx, fact)
      })
    },
  }
}

import { setTimeout as sleep } from 'node:timers/promises'
import type { Requester } from './connection.ts'
import { type JsonObject, parseObject } from './json.ts'
import type { Answer } from './response-parser.ts'

/** An answer that is not a success, with the Matrix error code. */
export class CallError extends Error {
  readonly status: number
  readonly body: JsonObject

  constructor(what: string, answer: Answer) {
    super(`${what} answered ${answer.status}: ${answer.body.toString('utf8', 0, 300)}`)
    this.status = answer.status
    this.body = safeParse(answer.body)
  }
}

const RATE_LIMIT_RETRIES = 20

/** Sends a JSON request and returns the parsed answer; waits out 429, throws CallError for any other failure. */
export async function call(
  requester: Requester,
  method: string,
  path: string,
  token?: string,
  body?: JsonObject,
): Promise<JsonObject> {
  const text = body === undefined ? undefined : JSON.stringify(body)
  for (let attempt = 0; ; attempt++) {
    const answer = await requester.request(method, path, token, text)
    if (answer.status < 300) return parseObject(answer.body)
    const error = new CallError(`${method} ${path.slice(0, 100)}`, answer)
    if (answer.status !== 429 || attempt >= RATE_LIMIT_RETRIES) throw error
    const wait = error.body.retry_after_ms
    await sleep(typeof wait === 'number' ? Math.min(wait, 10_000) : 500)
  }
}

function safeParse(body: Buffer): JsonObject {
  try {
    return parseObject(body)
  } catch {
    return {}
  }
}

import { isDeepStrictEqual } from 'node:util'
import { errors, MatrixError } from '../matrix/errors.ts'
import type { Json, JsonObject } from '../matrix/event.ts'
import type { UserId } from '../matrix/ids.ts'
import type { Clock } from '../util/clock.ts'
import { randomToken } from '../util/random.ts'
import type { AnyRequest } from './endpoint.ts'
import { ReplyError } from './error-reply.ts'
import { reply } from './reply.ts'
import type { UiaSession, UiaStore } from './uia-session.ts'

/** What a stage found out: `userId` is whom the credentials belong to, `result` is kept with the session. */
export interface StageResult {
  readonly userId?: UserId
  readonly result?: Json
}

/** Checks the `auth` dictionary of one stage; throws a MatrixError when it fails. */
export type StageCheck = (auth: JsonObject, session: UiaSession) => Promise<StageResult> | StageResult

/** What an operation asks for. Stages without a check are completed elsewhere, such as on a fallback page. */
export interface UiaPolicy {
  readonly flows: readonly (readonly string[])[]
  readonly params?: JsonObject
  readonly stages: Readonly<Record<string, StageCheck>>
}

export interface UiaOutcome {
  /** The body to act on, without `auth`. */
  readonly body: JsonObject
  readonly completed: Readonly<Record<string, Json>>
}

export type UiaRequest = Pick<AnyRequest, 'method' | 'route' | 'params' | 'rawBody' | 'requester'>

export interface Uia {
  /**
   * Returns once all stages of one flow are done, and the session is used up. Until then it throws the `401` that tells
   * the client what to do; credentials of another user than the requester are `403 M_FORBIDDEN`.
   * https://spec.matrix.org/v1.19/client-server-api/#user-interactive-authentication-api
   */
  require(request: UiaRequest, policy: UiaPolicy): Promise<UiaOutcome>
  /** A session that has not expired, for fallback pages. */
  get(sessionId: string): Promise<UiaSession | undefined>
  /** Completes a stage from outside the request, such as on a fallback page; false for an unknown session. */
  complete(sessionId: string, stage: string, result?: Json): Promise<boolean>
}

const defaultLifetimeMs = 15 * 60 * 1000

export function createUia({
  store,
  clock,
  lifetimeMs = defaultLifetimeMs,
}: {
  store: UiaStore
  clock: Clock
  lifetimeMs?: number
}): Uia {
  const get = async (sessionId: string) => {
    const session = await store.get(sessionId)
    return session && session.expiresAt > clock.now() ? session : undefined
  }

  const open = async (request: UiaRequest, body: JsonObject): Promise<UiaSession> => {
    const session: UiaSession = {
      sessionId: randomToken(18),
      operation: operationOf(request),
      userId: request.requester?.userId,
      body,
      completed: {},
      expiresAt: clock.now() + lifetimeMs,
    }
    await store.insert(session)
    return session
  }

  const resume = async (sessionId: string, request: UiaRequest, body: JsonObject) => {
    const session = await get(sessionId)
    if (!session) return undefined
    if (session.operation !== operationOf(request) || session.userId !== request.requester?.userId) {
      throw errors.forbidden('The authentication session belongs to another operation')
    }
    return settleBody(session, body, store)
  }

  const complete = async (session: UiaSession, stage: string, result: Json): Promise<UiaSession> => {
    await store.addCompleted(session.sessionId, stage, result)
    return { ...session, completed: { [stage]: result, ...session.completed } }
  }

  return {
    get,
    async complete(sessionId, stage, result = true) {
      const session = await get(sessionId)
      if (session) await complete(session, stage, result)
      return session !== undefined
    },
    async require(request, policy) {
      const { auth, body } = splitBody(request.rawBody)
      if (policy.flows.some((flow) => flow.length === 0)) return { body, completed: {} }
      const wanted = auth?.session
      const resumed = typeof wanted === 'string' ? await resume(wanted, request, body) : undefined
      let session = resumed ?? (await open(request, body))
      if (auth && typeof auth.type === 'string' && !Object.hasOwn(session.completed, auth.type)) {
        const checked = await checkStage(auth.type, auth, session, policy)
        refuseOtherUser(checked, request)
        session = await complete(session, auth.type, checked.result ?? true)
      } else if (typeof wanted === 'string' && !resumed) {
        throw challenge(session, policy, errors.unknown(401, 'The authentication session has expired'))
      }
      if (!isDone(session, policy)) throw challenge(session, policy)
      // Of two requests with one session only one may act.
      if (!(await store.take(session.sessionId))) throw challenge(await open(request, body), policy)
      return { body: session.body, completed: session.completed }
    },
  }
}

function operationOf({ method, route, params }: UiaRequest): string {
  return `${method} ${route} ${JSON.stringify(params ?? {})}`
}

function splitBody(rawBody: unknown): { auth: JsonObject | undefined; body: JsonObject } {
  // The app has parsed it as a JSON object.
  const { auth, ...body } = (rawBody ?? {}) as JsonObject
  if (auth === undefined || auth === null) return { auth: undefined, body }
  if (typeof auth !== 'object' || Array.isArray(auth)) throw errors.badJson('Wrong key auth: expected an object')
  return { auth, body }
}

/** A body may be left out or given late, and may change until the first stage is done. */
async function settleBody(session: UiaSession, body: JsonObject, store: UiaStore): Promise<UiaSession> {
  if (Object.keys(body).length === 0 || isDeepStrictEqual(body, session.body)) return session
  const isFixed = Object.keys(session.body).length > 0 && Object.keys(session.completed).length > 0
  if (isFixed) throw errors.forbidden('The request has changed since its authentication began')
  await store.setBody(session.sessionId, body)
  return { ...session, body }
}

async function checkStage(
  stage: string,
  auth: JsonObject,
  session: UiaSession,
  policy: UiaPolicy,
): Promise<StageResult> {
  const check = policy.flows.some((flow) => flow.includes(stage)) ? policy.stages[stage] : undefined
  if (!check) throw challenge(session, policy, errors.unrecognized(404, `The stage ${stage} cannot be done this way`))
  try {
    return await check(auth, session)
  } catch (error) {
    if (error instanceof MatrixError && error.status < 429) throw challenge(session, policy, error)
    throw error
  }
}

function refuseOtherUser({ userId }: StageResult, { requester }: UiaRequest): void {
  if (userId !== undefined && requester && requester.userId !== userId) {
    throw errors.forbidden('These are the credentials of another user')
  }
}

function isDone({ completed }: UiaSession, { flows }: UiaPolicy): boolean {
  return flows.some((flow) => flow.every((stage) => Object.hasOwn(completed, stage)))
}

function challenge(session: UiaSession, { flows, params }: UiaPolicy, failure?: MatrixError): ReplyError {
  return new ReplyError(
    reply(401, {
      ...(failure && { errcode: failure.errcode, error: failure.message }),
      flows: flows.map((stages) => ({ stages })),
      params: params ?? {},
      session: session.sessionId,
      completed: Object.keys(session.completed),
    }),
  )
}

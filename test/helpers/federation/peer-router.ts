import type { PeerAnswer, PeerHandler, PeerRequest } from './peer-http.ts'

interface Route {
  readonly method: string
  readonly pattern: readonly string[]
  readonly handler: PeerHandler
}

/** Finds the handler of a request; those that were added last win, so that tests can answer otherwise than the rule. */
export class PeerRouter {
  #routes: Route[] = []

  /** `pattern` is a path whose parts may be `:names`. The answer takes the handler away again. */
  on(method: string, pattern: string, handler: PeerHandler): () => void {
    const route = { method, pattern: pattern.split('/'), handler }
    this.#routes.unshift(route)
    return () => {
      this.#routes = this.#routes.filter((other) => other !== route)
    }
  }

  /** `first`: as the handler that was added first has it. */
  answer(request: PeerRequest, first = false): ReturnType<PeerHandler> {
    const parts = request.path.split('/')
    for (const { method, pattern, handler } of first ? this.#routes.toReversed() : this.#routes) {
      const params = method === request.method ? match(pattern, parts) : undefined
      if (params === undefined) continue
      request.params = params
      return handler(request)
    }
    return refusal(404, 'M_UNRECOGNIZED', `no ${request.method} ${request.path}`)
  }
}

function match(pattern: readonly string[], parts: readonly string[]): Record<string, string> | undefined {
  if (pattern.length !== parts.length) return undefined
  const params: Record<string, string> = {}
  for (const [i, name] of pattern.entries()) {
    const part = parts[i] ?? ''
    if (name.startsWith(':')) params[name.slice(1)] = decodeURIComponent(part)
    else if (name !== part) return undefined
  }
  return params
}

export function refusal(status: number, errcode: string, error = errcode): PeerAnswer {
  return { status, body: { errcode, error } }
}

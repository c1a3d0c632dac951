import { z } from 'zod'
import { errors } from '../../matrix/errors.ts'
import { longestStickiness, type Stickiness } from '../../matrix/sticky.ts'

const current = 'org.matrix.msc4354.sticky_duration_ms'
const duration = z.number().optional()

/** How a request says that its event is sticky: https://github.com/matrix-org/matrix-spec-proposals/pull/4354 */
export const stickyQuery = z.object({ sticky_duration_ms: duration, [current]: duration })

/** Undefined where the event is not to be sticky. Throws `400 M_INVALID_PARAM`. */
export function stickinessOf(query: z.output<typeof stickyQuery>): Stickiness | undefined {
  const durationMs = query.sticky_duration_ms ?? query[current]
  if (durationMs === undefined) return undefined
  if (!Number.isInteger(durationMs) || durationMs < 0 || durationMs > longestStickiness) {
    throw errors.invalidParam(`An event can be sticky for 0 to ${longestStickiness} ms`)
  }
  return { key: query.sticky_duration_ms === undefined ? 'msc4354_sticky' : 'sticky', durationMs }
}

import type { ServiceRecord } from '../../../util/dns.ts'
import { randomInt } from '../../../util/random.ts'

/**
 * The order in which the places of a service are tried: by priority, and of one priority by chance in proportion to the
 * weights. A single record without a name says that there is no such service: https://datatracker.ietf.org/doc/html/rfc2782
 */
export function orderServices(
  records: readonly ServiceRecord[],
  random: typeof randomInt = randomInt,
): ServiceRecord[] {
  const left = [...records].sort((a, b) => a.priority - b.priority)
  const ordered: ServiceRecord[] = []
  while (left[0]) {
    const { priority } = left[0]
    const group = left.filter((record) => record.priority === priority)
    // A weight of 0 has a small chance, too.
    const total = group.reduce((sum, { weight }) => sum + weight + 1, 0)
    let at = random(0, total)
    const chosen = group.find(({ weight }) => {
      at -= weight + 1
      return at < 0
    })
    if (!chosen) break
    ordered.push(chosen)
    left.splice(left.indexOf(chosen), 1)
  }
  return ordered
}

export function isNoService(records: readonly ServiceRecord[]): boolean {
  const [only, ...more] = records
  return only !== undefined && more.length === 0 && (only.name === '' || only.name === '.')
}

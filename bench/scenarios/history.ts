import { fillRooms } from '../fill/fill.ts'
import { call } from '../http/call.ts'
import { listAt } from '../http/json.ts'
import { withServer } from '../matrix/session.ts'
import { median, percentile } from '../measure/stats.ts'
import { metricsOf, type Scenario } from '../scenario.ts'

const { lower, detail } = metricsOf('history')
const PAGE = 100
const WARM_UP = 50

/** Pages one long room from its newest message to its oldest. */
export const history: Scenario = {
  name: 'history',
  what: '/messages back through one room, 100 events a page; whether later pages cost more than the first',
  async run(bench) {
    const { accounts, rooms, messages } = await fillRooms(bench, 1, bench.options.historyMessages)
    return await withServer(bench, async ({ pool }) => {
      const path = `/_matrix/client/v3/rooms/${encodeURIComponent(rooms[0] ?? '')}/messages?dir=b&limit=${PAGE}`
      for (let i = 0; i < WARM_UP; i++) await call(pool, 'GET', path, accounts[0]?.token)
      const times: number[] = []
      let events = 0
      for (let from: unknown = ''; typeof from === 'string'; ) {
        const start = performance.now()
        const answer = await call(pool, 'GET', from === '' ? path : `${path}&from=${from}`, accounts[0]?.token)
        times.push(performance.now() - start)
        events += listAt(answer, 'chunk').length
        from = answer.end
      }
      const tenth = Math.ceil(times.length / 10)
      const [first, last] = [median(times.slice(0, tenth)), median(times.slice(-tenth))]
      return [
        lower('page', `${messages} messages: a page, median`, median(times), 'ms'),
        lower('p99', 'a page, p99', percentile(times, 0.99), 'ms'),
        lower('growth', 'the oldest tenth of the pages over the newest', last / first, '×'),
        detail('events', 'events seen', events, 'events'),
      ]
    })
  },
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callScenarios } from './all.ts'
import { simulate, userOf } from './simulate.ts'

for (const scenario of callScenarios) {
  test(scenario.name, () => {
    const decided = simulate(scenario)
    const seen = decided.map(({ at, ...call }, index) => ({
      ...call,
      at: scenario.expect[index]?.at === undefined ? undefined : at / 1000,
    }))
    const expected = scenario.expect.map(({ outcome, prompt, at, caller = 'alice' }) => {
      return { caller: userOf(caller), outcome, prompt, at }
    })
    assert.deepEqual(seen, expected)
  })
}

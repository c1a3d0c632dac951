import assert from 'node:assert/strict'
import { test } from 'node:test'
import { deviceScenarios } from './devices.ts'
import { elementCallScenarios } from './element-call.ts'
import { legacyScenarios } from './legacy.ts'
import { fluffyChatScenarios, stickyScenarios, trapScenarios } from './others.ts'
import { simulate, userOf } from './simulate.ts'

const all = [
  legacyScenarios,
  elementCallScenarios,
  stickyScenarios,
  fluffyChatScenarios,
  trapScenarios,
  deviceScenarios,
].flat()

for (const scenario of all) {
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

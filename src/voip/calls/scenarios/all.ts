import { deviceScenarios } from './devices.ts'
import { elementCallScenarios } from './element-call.ts'
import { legacyScenarios } from './legacy.ts'
import { fluffyChatScenarios, stickyScenarios, trapScenarios } from './others.ts'

/** Every call of the tables, with what is to become of it. */
export const callScenarios = [
  legacyScenarios,
  elementCallScenarios,
  stickyScenarios,
  fluffyChatScenarios,
  trapScenarios,
  deviceScenarios,
].flat()

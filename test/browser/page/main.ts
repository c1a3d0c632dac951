import type { PageApi } from '../page-api.ts'
import { chat } from './client.ts'
import { widget } from './element-call.ts'
import { legacy } from './legacy-calls.ts'
import { sfu } from './livekit.ts'
import { media } from './media.ts'
import { rtc } from './rtc.ts'

const api: PageApi = { ...chat, ...legacy, ...rtc, ...sfu, ...widget, ...media }
Object.assign(globalThis, { api })

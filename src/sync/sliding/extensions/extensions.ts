import type { ExtensionAnswers, ExtensionRequests } from '../types.ts'
import { accountDataAnswer } from './account-data.ts'
import type { ExtensionContext } from './context.ts'
import { e2eeAnswer, toDeviceAnswer } from './devices.ts'
import { receiptsAnswer } from './receipts.ts'
import { stickyAnswer } from './sticky.ts'
import { threadsAnswer } from './threads.ts'
import { typingAnswer } from './typing.ts'

export interface ExtensionLook {
  readonly answers: ExtensionAnswers
  readonly hasNews: boolean
  /** To-device messages up to here have been received and may be forgotten; undefined: none. */
  readonly acknowledged: number | undefined
}

/** What the extensions say that a request asks for. */
export async function readExtensions(context: ExtensionContext, asked: ExtensionRequests): Promise<ExtensionLook> {
  const toDevice = asked.toDevice && (await toDeviceAnswer(context, asked.toDevice))
  const e2ee = asked.e2ee ? await e2eeAnswer(context) : undefined
  const accountData = asked.accountData && (await accountDataAnswer(context, asked.accountData))
  const receipts = asked.receipts && (await receiptsAnswer(context, asked.receipts))
  const typing = asked.typing && (await typingAnswer(context, asked.typing))
  const threads = asked.threads === undefined ? undefined : await threadsAnswer(context, asked.threads)
  const sticky = asked.sticky && (await stickyAnswer(context, asked.sticky))
  const hasMessages = toDevice !== undefined && toDevice.events.length > 0
  return {
    answers: {
      toDevice: toDevice && { next_batch: toDevice.next_batch, events: toDevice.events },
      e2ee: e2ee?.content,
      accountData,
      receipts,
      typing,
      threads,
      sticky,
    },
    hasNews: hasMessages || e2ee?.hasNews === true || [accountData, receipts, typing, threads, sticky].some(Boolean),
    acknowledged: toDevice?.acknowledged,
  }
}

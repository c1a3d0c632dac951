import type { DeactivateHook } from '../../accounts/hooks.ts'
import { deleteNotesTo } from './notes/store-notes.ts'
import { deletePromptsOf } from './prompts/store-prompts.ts'

/** Whoever is forgotten leaves no inbox and no prompts; what they sent to others stays in the inboxes of those. */
export const forgetUser: DeactivateHook = async (tx, { userId, erase }) => {
  if (!erase) return
  await deletePromptsOf(tx, userId)
  await deleteNotesTo(tx, userId)
}

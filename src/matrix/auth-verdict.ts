/** What an authorisation rule says; `reason` is a sentence for logs and for the client that is refused. */
export type AuthVerdict = { readonly allowed: true } | { readonly allowed: false; readonly reason: string }

export const allowed: AuthVerdict = { allowed: true }

export function refused(reason: string): AuthVerdict {
  return { allowed: false, reason }
}

/** What a check found. */
export interface Finding {
  /** What was looked at: `config`, `public_url`, `turn`, `livekit`, `ffmpeg`. */
  readonly check: string
  readonly isFine: boolean
  /** One or two sentences; where something is wrong they say what to do. */
  readonly text: string
}

/** Makes the findings of one check. */
export function findingsOf(check: string) {
  return {
    fine: (text: string): Finding => ({ check, isFine: true, text }),
    bad: (text: string): Finding => ({ check, isFine: false, text }),
  }
}

export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

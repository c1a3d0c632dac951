import type { SpooledFile } from '../../../../media/spool.ts'

export interface VoiceRecording {
  readonly kind: 'voice'
  /** Ogg with Opus. */
  readonly file: SpooledFile
  readonly durationMs: number
  readonly waveform: readonly number[]
}

export interface VideoRecording {
  readonly kind: 'video'
  /** MP4 with H.264 and AAC. */
  readonly file: SpooledFile
  readonly durationMs: number
  /** In pixels, across and down. */
  readonly side: number
  /** JPEG, of the same size. */
  readonly poster: SpooledFile
}

/** A recording in the form in which notes are sent. */
export type ConvertedRecording = VoiceRecording | VideoRecording

/** What converts recordings; `signal` aborts when nobody waits any more. */
export interface ConversionRequest {
  readonly path: string
  /** As its first bytes show it. */
  readonly type: string
  readonly maxLengthMs: number
  readonly signal: AbortSignal
}

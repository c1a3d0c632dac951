import { z } from 'zod'

/** Servers written in Go send `null` for a list or an object with nothing in it. */
export const nullAsEmptyList = <T extends z.ZodArray>(schema: T) =>
  z.preprocess((value) => (value === null ? [] : value), schema)

export const nullAsEmptyObject = <T extends z.ZodRecord>(schema: T) =>
  z.preprocess((value) => (value === null ? {} : value), schema)

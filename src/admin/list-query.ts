import { z } from 'zod'

/** The page of a list, as the administrators' API counts it. */
export const listQuery = z.object({
  from: z.number().int().min(0).default(0),
  limit: z.number().int().min(0).max(1000).default(100),
})

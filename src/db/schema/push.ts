export type PushSchema = {}

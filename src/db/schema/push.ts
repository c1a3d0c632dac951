export interface PushSchema {}

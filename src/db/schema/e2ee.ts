export interface E2eeSchema {}

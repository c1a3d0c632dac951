export interface AccountsSchema {}

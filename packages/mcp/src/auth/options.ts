/** What an entry of the configuration says about authorization, with its defaults applied. */
export type { OAuth as OAuthOptions } from "../config.ts"

import type { Options } from "../configuration.ts"
import { notImplemented } from "../failure.ts"
export const debug = (_: Options & { readonly server: string }) => notImplemented("debug")

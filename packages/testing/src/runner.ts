/**
 * The test runner's own functions. This is the one file of the repository that names `bun:test`, so that another runner
 * takes its place by replacing this module (or by resolving `bun:test` to a shim of the same names).
 */
export { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test"

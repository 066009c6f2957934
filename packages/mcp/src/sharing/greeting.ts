/**
 * How two programs show each other that they know the secret of a meeting place without saying it: each proves it of the
 * nonces of both. So nobody who merely came to listen at an address, or who repeats what was said there, is let in.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto"

/** How long each step of a greeting may take, in milliseconds. */
export const patience = 5_000

export const nonce = (): string => randomBytes(16).toString("base64url")

/** The proof of one side. */
export const proof = (secret: string, side: "owner" | "member", owner: string, member: string): string =>
  createHmac("sha256", secret)
    .update(JSON.stringify([side, owner, member]))
    .digest("base64url")

export const isProof = (given: unknown, expected: string): boolean =>
  typeof given === "string" &&
  Buffer.byteLength(given) === expected.length &&
  timingSafeEqual(Buffer.from(given), Buffer.from(expected))

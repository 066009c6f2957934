/**
 * What a Streamable HTTP server says: the response to a POST, as JSON or as an event stream that is resumed where it
 * breaks off, and the events of the streams that belong to no POST. An event over the limit costs the call it answers.
 */
import * as Effect from "effect/Effect"
import { isBounded, readText } from "../http/body.ts"
import { shownUrl } from "../http/error.ts"
import { discard } from "../http/http.ts"
import { parse } from "../protocol/json.ts"
import { errorObject, isObject } from "../protocol/jsonrpc.ts"
import { aborted } from "./aborted.ts"
import { fail, MessageTooLarge, StreamEnded, UnexpectedContent } from "./error.ts"
import { readEvents } from "./event-stream.ts"
import type { Exchange } from "./exchange.ts"
import { type FollowOptions, isMessage, mimeType, resume, unexpectedContent } from "./follow.ts"
import { answeredId, mayAnswer } from "./oversized.ts"
import type { Post, Posts } from "./posts.ts"

export interface Answers {
  /** Reads the response to a post. */
  readonly receive: (post: Post, response: Response) => void
  /** What is done with the events of a stream that belongs to no post. */
  readonly unasked: Pick<FollowOptions, "event" | "oversized">
}

/** What is wrong with JSON that should have been the answer; an error that names no request is still worth its words. */
const strayAnswer = (value: unknown): string =>
  isObject(value) && isObject(value.error)
    ? `answered with an error that names another request, or none: ${errorObject(value.error).message}`
    : "answered with JSON that is not the answer to the request"

/** Reads the answers to `posts`. The limits are in bytes. */
export const makeAnswers = (options: {
  readonly url: string
  readonly limits: { readonly body: number; readonly event: number }
  readonly exchange: Exchange
  readonly posts: Posts
}): Answers => {
  const { exchange, limits, posts, url } = options
  const tooLarge = fail(new MessageTooLarge({ limit: limits.event }))
  const streamEnded = () => fail(new StreamEnded({ url: shownUrl(url) }))

  const deliverText = (text: string, from: Post | undefined) => {
    const value = parse(text)
    if (typeof value === "object" && value !== null) posts.deliver(value, from)
    else posts.warn(`sent what is not JSON-RPC: ${text.slice(0, 200)}`)
  }

  /** What was too large costs the call that it answers; on the stream of a call, its own where it does not show. */
  const loseAnswered = (head: string, tail: string, from: Post | undefined) => {
    const id = answeredId(head, tail)
    const post = id !== undefined ? posts.of(id) : mayAnswer(head) ? from : undefined
    if (post === undefined || !post.open) return posts.warn(tooLarge.message)
    posts.lose(post, tooLarge)
    if (post !== from) post.controller.abort()
  }

  /** An event without end never tells whose it is: it is taken for the answer, unless its beginning says otherwise. */
  const loseEndless = (head: string, from: Post) => {
    const id = answeredId(head, "")
    if (mayAnswer(head) && (id === undefined || id === from.id)) posts.lose(from, tooLarge)
  }

  const resumed = (post: Post): Effect.Effect<void> =>
    resume({
      exchange,
      url,
      cursor: post,
      isOver: () => exchange.session !== post.session,
      limit: limits.event,
      event: (data) => {
        if (post.open) deliverText(data, post)
        return post.open
      },
      oversized: (head, tail) => {
        loseAnswered(head, tail, post)
        return post.open
      },
      endless: (head) => {
        loseEndless(head, post)
        return post.open
      },
    }).pipe(
      Effect.raceFirst(aborted(post.controller.signal)),
      Effect.catch((error) => Effect.sync(() => posts.lose(post, error))),
    )

  const readStream = (post: Post, response: Response) => {
    const ended = () => {
      posts.left(post)
      if (!post.open || posts.closing) return
      if (post.id === undefined) posts.done(post)
      else if (post.lastEventId !== undefined) exchange.fork(resumed(post))
      else posts.lose(post, streamEnded())
    }
    readEvents(response, post, limits.event, {
      event: (type, data) => {
        if (isMessage(type)) {
          const wasOpen = post.open
          deliverText(data, post)
          if (wasOpen && !post.open) posts.linger(post)
        }
        return true
      },
      oversized: (head, tail) => {
        const wasOpen = post.open
        loseAnswered(head, tail, post)
        return post.open || !wasOpen
      },
      endless: (head) => {
        loseEndless(head, post)
        return post.open
      },
      end: ended,
      failed: ended,
    })
  }

  const readJson = (post: Post, response: Response) => {
    const unfit = (detail: string) => posts.lose(post, fail(new UnexpectedContent({ url: shownUrl(url), detail })))
    const notJson = () => unfit("answered with what is not JSON")
    const broken = () => posts.lose(post, streamEnded())
    const whole = (value: unknown) => {
      posts.deliver(value, post)
      if (post.id !== undefined && post.open) unfit(strayAnswer(value))
      else posts.done(post)
    }
    if (isBounded(response, limits.body)) {
      response
        .json()
        .then(whole, (cause: unknown) =>
          cause instanceof SyntaxError || cause instanceof RangeError ? notJson() : broken(),
        )
      return
    }
    readText(response, limits.body, {
      text: (text) => {
        const value = parse(text)
        if (value === undefined) notJson()
        else whole(value)
      },
      tooLarge: () => posts.lose(post, fail(new MessageTooLarge({ limit: limits.body }))),
      failed: broken,
    })
  }

  return {
    receive: (post, response) => {
      // What was accepted is not answered, whatever the head calls the nothing that follows: the Python SDK says JSON.
      const type = post.id === undefined && response.status === 202 ? "" : mimeType(response)
      if (type === "application/json") return readJson(post, response)
      if (type === "text/event-stream") return readStream(post, response)
      if (post.id !== undefined) return posts.lose(post, unexpectedContent(url, response, "JSON or an event stream"))
      discard(response)
      posts.done(post)
    },
    unasked: {
      event: (data) => {
        deliverText(data, undefined)
        return true
      },
      oversized: (head, tail) => {
        loseAnswered(head, tail, undefined)
        return true
      },
    },
  }
}

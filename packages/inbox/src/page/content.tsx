/** What servers and models send as content, shown without asking anybody for anything. */
import { For, type JSX, Match, Show, Switch } from "solid-js"
import { isObject, type JsonObject } from "@opencode-ai/mcp/protocol/jsonrpc"
import { media, size } from "./text.ts"
import { Json, Line, Text } from "./ui.tsx"

const text = (value: unknown): string => (typeof value === "string" ? value : "")

const Media = (props: { readonly block: JsonObject; readonly kind: "image" | "audio" }) => {
  const source = () => media(props.kind, props.block["mimeType"], props.block["data"])
  const said = () => `${text(props.block["mimeType"])}, ${size(text(props.block["data"]))}`
  return (
    <figure>
      <Show when={source()}>
        {(source) =>
          props.kind === "image" ? (
            <img src={source()} alt="A picture of the server" />
          ) : (
            <audio controls src={source()} aria-label="A sound of the server" />
          )
        }
      </Show>
      <figcaption class="dim small">
        <Line text={said()} />
        <Show when={source() === undefined}>, not shown</Show>
      </figcaption>
    </figure>
  )
}

const Resource = (props: { readonly resource: JsonObject; readonly whole: boolean }) => {
  const kind = () => (text(props.resource["mimeType"]).toLowerCase().startsWith("image/") ? "image" : undefined)
  return (
    <div class="part">
      <p class="dim small">
        Resource <Line text={text(props.resource["uri"])} class="mono" />{" "}
        <Line text={text(props.resource["mimeType"])} />
      </p>
      <Switch>
        <Match when={typeof props.resource["text"] === "string"}>
          <Text mono whole={props.whole} text={text(props.resource["text"])} />
        </Match>
        <Match when={kind()}>
          <Media kind="image" block={{ mimeType: props.resource["mimeType"], data: props.resource["blob"] }} />
        </Match>
        <Match when={typeof props.resource["blob"] === "string"}>
          <p class="dim small">{size(text(props.resource["blob"]))} of data</p>
        </Match>
      </Switch>
    </div>
  )
}

const Link = (props: { readonly block: JsonObject }) => (
  <div class="part">
    <p>
      <Line text={text(props.block["title"]) || text(props.block["name"]) || "A resource"} />{" "}
      <Line text={text(props.block["uri"])} class="mono dim" />
    </p>
    <Show when={text(props.block["description"])}>{(description) => <Text text={description()} lines={6} />}</Show>
  </div>
)

const Tool = (props: { readonly title: string; readonly children: JSX.Element }) => (
  <div class="part">
    <p class="dim small">{props.title}</p>
    {props.children}
  </div>
)

/** One block of content; what is of no kind that is known is shown as JSON. */
export const Block = (props: { readonly block: unknown; readonly whole?: boolean }): JSX.Element => {
  const block = () => (isObject(props.block) ? props.block : { type: "", value: props.block })
  const type = () => text(block()["type"])
  const whole = () => props.whole === true
  return (
    <Switch fallback={<Json whole={whole()} value={props.block} />}>
      <Match when={type() === "text" && typeof block()["text"] === "string"}>
        <Text whole={whole()} text={text(block()["text"])} />
      </Match>
      <Match when={type() === "image"}>
        <Media kind="image" block={block()} />
      </Match>
      <Match when={type() === "audio"}>
        <Media kind="audio" block={block()} />
      </Match>
      <Match when={type() === "resource_link"}>
        <Link block={block()} />
      </Match>
      <Match when={type() === "resource" && isObject(block()["resource"])}>
        <Resource resource={isObject(block()["resource"]) ? (block()["resource"] as JsonObject) : {}} whole={whole()} />
      </Match>
      <Match when={type() === "tool_use"}>
        <Tool title={`Call of the tool ${text(block()["name"])}`}>
          <Json whole={whole()} value={block()["input"]} lines={15} />
        </Tool>
      </Match>
      <Match when={type() === "tool_result"}>
        <Tool title={`Result of a tool${block()["isError"] === true ? ", an error" : ""}`}>
          <Blocks whole={whole()} content={block()["content"]} />
        </Tool>
      </Match>
    </Switch>
  )
}

/** Content that may be one block, or a list of them. */
/** `whole`: nothing is cut. */
export const Blocks = (props: { readonly content: unknown; readonly whole?: boolean }): JSX.Element => (
  <For each={Array.isArray(props.content) ? (props.content as ReadonlyArray<unknown>) : [props.content]}>
    {(block) => <Block block={block} whole={props.whole === true} />}
  </For>
)

/** The result of a call. */
export const Result = (props: { readonly result: unknown }) => {
  const result = () => (isObject(props.result) ? props.result : {})
  const content = () => {
    const blocks = result()["content"]
    return Array.isArray(blocks) ? (blocks as ReadonlyArray<unknown>) : []
  }
  const structured = () => result()["structuredContent"]
  /** Servers send what is structured as text too, for older clients: once is enough. */
  const others = () =>
    content().filter((block) => {
      if (structured() === undefined || !isObject(block) || block["type"] !== "text") return true
      return !isSame(text(block["text"]), structured())
    })
  return (
    <div class="result">
      <Blocks content={others()} />
      <Show when={structured() !== undefined}>
        <p class="dim small">Structured content</p>
        <Json value={structured()} />
      </Show>
      <Show when={content().length === 0 && structured() === undefined}>
        <p class="dim">It answered with nothing.</p>
      </Show>
    </div>
  )
}

const isSame = (said: string, structured: unknown): boolean => {
  try {
    return JSON.stringify(JSON.parse(said)) === JSON.stringify(structured)
  } catch {
    return false
  }
}

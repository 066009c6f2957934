/** Which model a call of a tool was made for: it answers what the call's server asks of the model. */
import * as Context from "effect/Context"
import * as Layer from "effect/Layer"

interface Interface {
  /** Says which model the calls of these ids are of, until what it returns is called. */
  readonly calling: (callIDs: ReadonlyArray<string>, model: string) => () => void
  /** `provider/model` of a call; of the last one that is known where `request` is none. */
  readonly of: (request: unknown) => string | undefined
}

/** The models of an instance's sessions. */
export class Service extends Context.Service<Service, Interface>()("@opencode/SessionModels") {}

const make = (): Interface => {
  const calls = new Map<unknown, string>()
  let last: string | undefined
  return {
    calling: (callIDs, model) => {
      last = model
      for (const id of callIDs) calls.set(id, model)
      return () => {
        for (const id of callIDs) calls.delete(id)
      }
    },
    of: (request) => calls.get(request) ?? last,
  }
}

export const layer: Layer.Layer<Service> = Layer.sync(Service)(make)

/** Where the page begins: with the secret of its address. */
import { render } from "solid-js/web"
import { App } from "./app.tsx"
import { InboxContext } from "./context.ts"
import { makeState } from "./state.ts"
import { makeView } from "./view.ts"

const secret = new URLSearchParams(location.search).get("secret") ?? ""

render(() => {
  const inbox = { ...makeState(secret), view: makeView() }
  return (
    <InboxContext.Provider value={inbox}>
      <App />
    </InboxContext.Provider>
  )
}, document.body)

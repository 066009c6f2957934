/** A person who answers on the page, without a mouse. */
import type { Page } from "@opencode-ai/testing/chromium"

/** Waits for a question of these words, and until it may be answered: not at once, lest somebody's typing does it. */
export const answerable = async (page: Page, words: string): Promise<void> => {
  const question = page.locator("[data-question]", { hasText: words }).first()
  await question.waitFor()
  await question.locator("button[aria-disabled=false]").first().waitFor()
}

/** A text: this code runs in the page. */
const labelOfFocus = `[...(document.activeElement?.labels ?? [])].map((label) => label.innerText).join()
  || document.activeElement?.innerText || ""`

/** Goes on by Tab until what has the focus has this label. */
const reach = async (page: Page, label: string): Promise<void> => {
  for (let steps = 0; steps < 60; steps++) {
    const here = String(await page.evaluate(labelOfFocus))
    if (here.trim().startsWith(label)) return
    await page.keyboard.press("Tab")
  }
  throw new Error(`the keyboard does not lead to ${label}`)
}

/** Presses a button of a question. */
export const press = async (page: Page, name: string): Promise<void> => {
  await reach(page, name)
  await page.keyboard.press("Enter")
}

/** Fills in the first field of a form, and accepts. */
export const accept = async (page: Page, text: string, label = "Name"): Promise<void> => {
  await answerable(page, "asks you to fill in a form")
  await reach(page, label)
  await page.keyboard.type(text)
  await page.keyboard.press("Enter")
}

// The panel: its tabs, the way to the chat's workflow, and opening it on a small screen.

import { byId } from "./dom.js";

export class Panel {
  /** `tabs` are names: each has a button `tab-<name>` and a list `<name>`. */
  constructor(tabs) {
    this.tabs = tabs.map((name) => ({ name, tab: byId(`tab-${name}`), list: byId(name) }));
    for (const { name, tab } of this.tabs) tab.addEventListener("click", () => this.select(name));
    this.tabs[0].tab.parentElement.addEventListener("keydown", (event) => this.onKey(event));
    byId("show-panel").addEventListener("click", () => this.open(true));
    byId("hide-panel").addEventListener("click", () => this.open(false));
    document.addEventListener("keydown", (event) => event.key === "Escape" && this.open(false));
  }

  open(shown) {
    if (document.body.classList.contains("panel-open") === shown) return;
    document.body.classList.toggle("panel-open", shown);
    byId("show-panel").setAttribute("aria-expanded", String(shown));
    byId(shown ? "hide-panel" : "show-panel").focus();
  }

  /** Bring a tab to the front; `focused` also moves the keyboard there. */
  select(name, { focused = false } = {}) {
    for (const { name: own, tab, list } of this.tabs) {
      tab.setAttribute("aria-selected", String(own === name));
      tab.tabIndex = own === name ? 0 : -1;
      list.hidden = own !== name;
      if (focused && own === name) tab.focus();
    }
  }

  onKey(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    const tabs = this.tabs.filter(({ tab }) => !tab.hidden);
    const at = tabs.findIndex(({ list }) => !list.hidden);
    const next = tabs[(at + step + tabs.length) % tabs.length];
    this.select(next.name, { focused: true });
  }

  /** Where the newest workflow of the chat is, if any message told. */
  link(url) {
    const anchor = byId("workflow");
    anchor.hidden = !url;
    if (url) anchor.href = url;
  }
}

// A small menu beside whatever opened it.

import { h, icon } from "./dom.js";

let open = null;

/** Show `items` (`{ label, icon, action }`) at an element; one menu is open at a time. */
export function openMenu(anchor, items, { label }) {
  const isSame = open?.anchor === anchor;
  close();
  if (isSame) return;
  const entries = items.map((item) =>
    h("button", { type: "button", role: "menuitem", onclick: () => { close(); item.action(); } },
      icon(item.icon), item.label),
  );
  const menu = h("div", { class: "menu", role: "menu", "aria-label": label }, ...entries);
  document.body.append(menu);
  place(menu, anchor.getBoundingClientRect());
  open = { anchor, menu };
  anchor.setAttribute("aria-expanded", "true");
  menu.addEventListener("keydown", (event) => onKey(event, entries, anchor));
  document.addEventListener("pointerdown", onPointer);
  entries[0].focus();
}

function place(menu, at) {
  const { offsetWidth: width, offsetHeight: height } = menu;
  const left = Math.min(Math.max(8, at.left), innerWidth - width - 8);
  const below = at.bottom + 4;
  const top = below + height > innerHeight - 8 ? Math.max(8, at.top - height - 4) : below;
  menu.style.left = `${left}px`;
  menu.style.top = `${top}px`;
}

function onKey(event, entries, anchor) {
  const at = entries.indexOf(document.activeElement);
  if (event.key === "Escape" || event.key === "Tab") {
    event.stopPropagation();
    close();
    anchor.focus();
  } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    event.preventDefault();
    const step = event.key === "ArrowDown" ? 1 : -1;
    entries[(at + step + entries.length) % entries.length].focus();
  }
}

function onPointer(event) {
  if (!open.menu.contains(event.target) && !open.anchor.contains(event.target)) close();
}

function close() {
  if (!open) return;
  document.removeEventListener("pointerdown", onPointer);
  open.anchor.setAttribute("aria-expanded", "false");
  open.menu.remove();
  open = null;
}

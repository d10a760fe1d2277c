// WhatsApp's own formatting: *bold* _italic_ ~strike~ `code` ```mono```, lists, quotes and links.
// Gives nodes; whatever is not formatting stays the text it is.

import { h } from "./dom.js";

const TAGS = { "*": "strong", _: "em", "~": "s" };

// A mark counts only at the edge of a word, and not when space follows the opening one.
const INLINE =
  /`(?<code>[^`\n]+)`|(?<url>https?:\/\/[^\s<>"]+)|(?<![\p{L}\p{N}])(?<mark>[*_~])(?=\S)(?<inner>(?:(?!\k<mark>)[^\n])*(?!\k<mark>)\S)\k<mark>(?![\p{L}\p{N}])/gu;

const BLOCKS = [
  { kind: "ul", pattern: /^\s*[-*•] +(?<rest>.*)$/u },
  { kind: "ol", pattern: /^\s*(?<number>\d{1,4})\. +(?<rest>.*)$/u },
  { kind: "blockquote", pattern: /^> ?(?<rest>.*)$/u },
];

/** The nodes of a formatted text. */
export function formatted(text) {
  const fragment = document.createDocumentFragment();
  text.split("```").forEach((part, index, parts) => {
    const isCode = index % 2 === 1 && index < parts.length - 1;
    if (isCode) fragment.append(h("pre", {}, part.replace(/^\n|\n$/g, "")));
    else fragment.append(blocks(index % 2 === 1 ? "```" + part : part));
  });
  return fragment;
}

function blocks(text) {
  const fragment = document.createDocumentFragment();
  let open = null;
  let plain = [];
  const flush = () => {
    if (plain.length) fragment.append(inline(plain.join("\n")));
    plain = [];
  };
  for (const line of text.split("\n")) {
    const block = BLOCKS.find(({ pattern }) => pattern.test(line));
    if (!block) {
      open = null;
      plain.push(line);
      continue;
    }
    const { rest, number } = line.match(block.pattern).groups;
    if (open?.localName !== block.kind) {
      flush();
      open = h(block.kind, number ? { start: Number(number) } : {});
      fragment.append(open);
    }
    if (block.kind === "blockquote") {
      if (open.childNodes.length) open.append("\n");
      open.append(inline(rest));
    } else open.append(h("li", {}, inline(rest)));
  }
  flush();
  return fragment;
}

function inline(text) {
  const fragment = document.createDocumentFragment();
  let at = 0;
  for (const match of text.matchAll(INLINE)) {
    fragment.append(text.slice(at, match.index));
    const { code, url, mark, inner } = match.groups;
    at = match.index + match[0].length;
    if (code) fragment.append(h("code", {}, code));
    else if (url) {
      const address = url.replace(/[.,;:!?)\]}'*_~]+$/u, "");
      fragment.append(link(address));
      at -= url.length - address.length;
    } else fragment.append(h(TAGS[mark], {}, inline(inner)));
  }
  fragment.append(text.slice(at));
  return fragment;
}

/** A link that tells the other side nothing. Only http and https addresses become links. */
export function link(address, label = address) {
  if (!/^https?:\/\//i.test(address)) return document.createTextNode(label);
  return h("a", { href: address, target: "_blank", rel: "noopener noreferrer nofollow" }, label);
}

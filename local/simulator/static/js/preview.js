// A message in one line of plain text: for the list of chats and for quotes.

const NAMES = {
  image: "📷 Photo", video: "🎥 Video", audio: "🎤 Audio", document: "📄 Document",
  sticker: "Sticker", location: "📍 Location", contacts: "👤 Contact", order: "🛒 Order",
  call: "📞 Call",
};

/** The plain text of a message. */
export function preview(message) {
  const content = message.content ?? {};
  switch (message.type) {
    case "text":
      return unmarked(String(content.body ?? ""));
    case "reaction":
      return content.emoji ? `Reacted ${content.emoji}` : "Took a reaction back";
    case "interactive":
      return interactive(content);
    case "button":
      return String(content.text ?? "");
    case "template":
      return unmarked(message.extra?.rendered?.body ?? `Template: ${content.name}`);
    case "edit":
      return `Edited: ${preview({ type: content.message?.type, content: content.message?.[content.message?.type] })}`;
    case "revoke":
    case "deleted":
      return "Deleted a message";
    case "system":
      return String(content.body ?? "Something changed");
    case "unsupported":
      return content.type === "poll" ? "📊 Poll" : "Unsupported message";
    case "request_welcome":
      return "Opened the chat";
    case "raw":
      return `Raw message (${content.type ?? "no type"})`;
    default: {
      const name = NAMES[message.type] ?? `Message of type ${message.type}`;
      return content.caption ? `${name}: ${content.caption}` : name;
    }
  }
}

function interactive(content) {
  if (content.nfm_reply) return "📝 Form";
  if (content.call_permission_reply) return "Answered about calls";
  const reply = content.button_reply ?? content.list_reply;
  return unmarked(String(reply?.title ?? content.body?.text ?? `Interactive (${content.type})`));
}

/** A text without its formatting marks, in one line. */
function unmarked(text) {
  return text
    .replace(/```|(?<![\p{L}\p{N}])[*_~`](?=\S)|(?<=\S)[*_~`](?![\p{L}\p{N}])/gu, "")
    .replace(/\s+/g, " ");
}

/** Name of the symbol and class of a message's ticks. */
export function ticks(status) {
  if (status === "read" || status === "played")
    return { name: "ticks", label: status === "read" ? "Read" : "Played", read: true };
  if (status === "delivered") return { name: "ticks", label: "Delivered" };
  if (status === "accepted") return { name: "clock", label: "Accepted" };
  return { name: "tick", label: "Sent" };
}

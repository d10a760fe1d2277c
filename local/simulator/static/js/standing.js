// What later messages made of earlier ones: reactions, edits, deletions. They are no bubbles of their own.

/** Messages as they stand, oldest first, and the reactions on each: `{ mine, theirs }` by message id. */
export function standing(messages) {
  const reactions = new Map();
  const shown = new Map();
  for (const message of messages) {
    const { type, content } = message;
    const original = shown.get(content?.original_message_id);
    if (type === "reaction" && content?.message_id) {
      const side = message.direction === "inbound" ? "mine" : "theirs";
      reactions.set(content.message_id, {
        ...reactions.get(content.message_id), [side]: content.emoji || null,
      });
    } else if (type === "edit" && original) shown.set(original.id, edited(original, content.message));
    else if (type === "revoke" && original) shown.set(original.id, { ...original, type: "deleted", content: {} });
    else shown.set(message.id, message);
  }
  return { messages: [...shown.values()], reactions };
}

function edited(original, replacement) {
  const content = replacement?.[original.type];
  if (original.type === "deleted" || !content) return original;
  return { ...original, content: { ...original.content, ...content }, edited: true };
}

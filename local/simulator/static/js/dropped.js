// Files out of what was dropped: folders are walked through.

/** Every file that was dropped; files that start with a dot are the system's own. */
export async function droppedFiles(transfer) {
  // All must be taken before the first await: the list is empty after it. What comes from no file
  // system has no entry.
  const dropped = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? item.getAsFile()).filter(Boolean);
  const found = await Promise.all(dropped.map((one) => (one instanceof File ? [one] : filesOf(one))));
  return found.flat().filter(isVisible);
}

export const isVisible = ({ name }) => !name.startsWith(".");

async function filesOf(entry) {
  if (entry.isFile) return [await new Promise((resolve, reject) => entry.file(resolve, reject))];
  const reader = entry.createReader();
  const inside = [];
  // A directory is told in parts; an empty one says that it was the last.
  for (;;) {
    const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
    if (!part.length) break;
    inside.push(...part);
  }
  return (await Promise.all(inside.map(filesOf))).flat();
}

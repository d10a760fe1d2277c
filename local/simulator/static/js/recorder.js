// Recording a voice note, where the browser can.

import { byId, h, icon, toast } from "./dom.js";
import { duration } from "./time.js";

// Meta sends voice notes as Ogg; which of these a browser can record differs.
const TYPES = ["audio/ogg;codecs=opus", "audio/mp4", "audio/webm;codecs=opus"];
// A recording can be sent once its first part is there: an empty file is no voice note.
const PART_MILLISECONDS = 100;

export const canRecord = () => Boolean(navigator.mediaDevices?.getUserMedia && window.MediaRecorder);

/** Record until the person is done; gives a file, or null when it was thrown away or not allowed. */
export async function record() {
  let stream;
  try {
    stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  } catch {
    toast("The browser does not allow recording. Choose an audio file instead.");
    return null;
  }
  const mimeType = TYPES.find((type) => MediaRecorder.isTypeSupported(type));
  const recorder = new MediaRecorder(stream, mimeType ? { mimeType } : {});
  const parts = [];
  const kept = await new Promise((resolve) => {
    let keep = false;
    const sendable = showBar((wanted) => {
      keep = wanted;
      recorder.stop();
    });
    recorder.addEventListener("dataavailable", (event) => {
      if (!event.data.size) return;
      parts.push(event.data);
      sendable();
    });
    recorder.addEventListener("stop", () => resolve(keep));
    recorder.start(PART_MILLISECONDS);
  });
  hideBar();
  for (const track of stream.getTracks()) track.stop();
  if (!kept || !parts.length) return null;
  const type = recorder.mimeType || parts[0].type;
  return new File(parts, "voice-note", { type: type.replace(/;\s*/, "; ") });
}

let timer;

/** Show what can be done with the recording; gives what to call once there is something to send. */
function showBar(finish) {
  const began = Date.now();
  const length = h("span", { class: "recording-time" }, "0 s");
  timer = setInterval(() => (length.textContent = duration((Date.now() - began) / 1000)), 500);
  const button = (label, name, wanted, className) =>
    h("button", { class: className, type: "button", "aria-label": label, title: label, onclick: () => finish(wanted) }, icon(name));
  const send = button("Send the recording", "send", true, "send");
  send.disabled = true;
  byId("recording").replaceChildren(
    button("Throw the recording away", "trash", false, "icon-button"),
    h("span", { class: "recording-dot", "aria-hidden": "true" }),
    length,
    send,
  );
  byId("recording").hidden = false;
  byId("composer").hidden = true;
  return () => (send.disabled = false);
}

function hideBar() {
  clearInterval(timer);
  byId("recording").hidden = true;
  byId("composer").hidden = false;
}

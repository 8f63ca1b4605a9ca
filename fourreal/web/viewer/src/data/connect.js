/** Someone to talk to about one scene (see server.js): a worker, or, where a page forbids workers, the page itself. */

import workerSource from "worker:./worker.js";
import { serve } from "./server.js";

export function connect() {
  try {
    const url = URL.createObjectURL(new Blob([workerSource], { type: "text/javascript" }));
    const worker = new Worker(url);
    URL.revokeObjectURL(url);
    return worker;
  } catch (error) {
    if (error.name !== "SecurityError") throw error;
    return inPage();
  }
}

/** Looks like a worker, works in the page. */
function inPage() {
  const outside = { onmessage: null, onerror: null };
  const inside = { onmessage: null, postMessage: (data) => queueMicrotask(() => outside.onmessage?.({ data })) };
  serve(inside);
  outside.postMessage = (data) => queueMicrotask(() => inside.onmessage?.({ data }));
  outside.terminate = () => {
    outside.onmessage = null;
    inside.onmessage = null;
  };
  return outside;
}

/** From a URL to the header and the body of a scene file: streamed, inflated, and never larger than announced. */

import { SceneError } from "../errors.js";
import { bodyLength, LIMITS, MAGIC, parseHeader } from "./r4d.js";

const NOT_A_SCENE = "This is not a scene file of this viewer (.r4d).";
const CUT_OFF = "This scene file is cut off. Load or export it again.";

/** Download `url`: {header, body: Uint8Array}. `onProgress(received, total)` in bytes, total 0 where not known. */
export async function download(url, onProgress) {
  let response;
  try {
    response = await fetch(url);
  } catch {
    throw new SceneError("The scene could not be fetched: the server does not answer.");
  }
  if (!response.ok) throw new SceneError(`The scene could not be fetched: the server says ${response.status}.`);
  const total = Number(response.headers.get("content-length")) || 0;
  let received = 0;
  const counted = response.body.pipeThrough(
    new TransformStream({
      transform(chunk, controller) {
        received += chunk.byteLength;
        onProgress?.(received, total);
        controller.enqueue(chunk);
      },
    }),
  );
  return read(await inflated(counted));
}

/** The stream without its gzip layer; a server may have taken that off already. */
async function inflated(stream) {
  const reader = stream.getReader();
  const { value: first } = await reader.read().catch(() => ({}));
  if (!first) throw new SceneError(NOT_A_SCENE);
  const whole = new ReadableStream({
    start: (controller) => controller.enqueue(first),
    async pull(controller) {
      const { done, value } = await reader.read();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
  return first[0] === 0x1f ? whole.pipeThrough(new DecompressionStream("gzip")) : whole;
}

/** Collects bytes, first those of the header, then, once it is known how many there are, those of the body. */
async function read(stream) {
  const reader = stream.getReader();
  let rest = new Uint8Array(0); // what has come and is not used
  const next = async () => {
    let step;
    try {
      step = await reader.read();
    } catch {
      throw new SceneError("This scene file is damaged or cut off. Load or export it again.");
    }
    return step.done ? null : step.value;
  };
  const take = async (count, tooShort) => {
    const out = new Uint8Array(count);
    let at = 0;
    while (true) {
      const some = rest.subarray(0, count - at);
      out.set(some, at);
      at += some.length;
      rest = rest.subarray(some.length);
      if (at === count) return out;
      rest = await next();
      if (!rest) throw new SceneError(tooShort);
    }
  };
  try {
    const start = new DataView((await take(8, NOT_A_SCENE)).buffer);
    if (start.getUint32(0, true) !== MAGIC) throw new SceneError(NOT_A_SCENE);
    const length = start.getUint32(4, true);
    if (length > LIMITS.header) throw new SceneError(NOT_A_SCENE);
    const header = parseHeader(new TextDecoder().decode(await take(length, CUT_OFF)));
    const body = await take(bodyLength(header), CUT_OFF);
    while (rest && !rest.length) rest = await next();
    if (rest) throw new SceneError("This scene file is damaged: something follows its end.");
    return { header, body };
  } catch (error) {
    reader.cancel().catch(() => {}); // the download ends with the error, which is the news
    throw error;
  }
}

/**
 * One scene, off the main thread: fetched, checked, unpacked, laid out for the GPU, and from then on sorted by depth.
 *
 * Asked {type: "load", url}: answers {type: "progress", received, total} and {type: "loaded", ...} or {type: "error"}.
 * Asked {type: "sort", axis, frame, amount, near, buffer}: answers {type: "sorted", order, count}, `order` in `buffer`.
 */

import { SceneError } from "../errors.js";
import { download } from "./download.js";
import { Order } from "./order.js";
import { unpack } from "./r4d.js";
import { canonicalTexels, motionTexels, positions, WIDTH } from "./texels.js";

export function serve(port) {
  let order = null;

  async function load(url) {
    const began = performance.now();
    const { header, body } = await download(url, (received, total) => {
      port.postMessage({ type: "progress", received, total });
    });
    const fetched = performance.now();
    const arrays = unpack(header, body);
    const means = positions(arrays.means);
    const canonical = canonicalTexels(arrays, means);
    const motion = motionTexels(arrays, header.moving, header.frames);
    order = new Order(means, arrays.shifts, header.moving, header.frames);
    const times = { fetch: fetched - began, unpack: performance.now() - fetched };
    const shared = [canonical.texels.buffer, ...(motion ? [motion.texels.buffer] : [])];
    port.postMessage({ type: "loaded", header, canonical, motion, depths: depths(means, header), times }, shared);
  }

  port.onmessage = async ({ data }) => {
    if (data.type === "load") {
      try {
        await load(data.url);
      } catch (error) {
        const ours = error instanceof SceneError;
        if (!ours) console.error(error);
        port.postMessage({ type: "error", message: ours ? error.message : `The scene could not be read: ${error.message}` });
      }
    } else if (order) {
      const out = data.buffer ? new Uint32Array(data.buffer) : new Uint32Array(Math.ceil(order.count / WIDTH) * WIDTH);
      const count = order.sort(data.axis, data.frame, data.amount, data.near, out);
      port.postMessage({ type: "sorted", order: out, count }, [out.buffer]);
    }
  };
}

/** The depths, seen from the reference camera, between which nearly everything lies: the range of the depth display. */
function depths(means, header) {
  const pose = header.view.reference.camera_to_world;
  const count = means.length / 3;
  const every = Math.max(1, Math.floor(count / 20000));
  const seen = [];
  for (let i = 0; i < count; i += every) {
    const depth = [0, 1, 2].reduce((sum, k) => sum + pose[k][2] * (means[3 * i + k] - pose[k][3]), 0);
    if (depth > 0.01) seen.push(depth);
  }
  if (!seen.length) return header.view.distance;
  seen.sort((a, b) => a - b);
  const at = (share) => seen[Math.floor(share * (seen.length - 1))];
  return [at(0.02), Math.max(at(0.98), at(0.02) * 1.01)];
}

/** The splats of one scene on the GPU: two textures, two more with what they look like now, and the order to draw in. */

import { WIDTH } from "../data/texels.js";
import { SceneError } from "../errors.js";

const LOOK = 4; // milliseconds between two looks at whether the GPU is done

export class GpuSplats {
  /** `scene`: what data/server.js hands over on "loaded". Throws a SceneError where the GPU cannot hold it. */
  constructor(gl, scene) {
    this.gl = gl;
    this.count = 0;
    const { canonical, motion } = scene;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE);
    const layers = gl.getParameter(gl.MAX_ARRAY_TEXTURE_LAYERS);
    if (canonical.height > most || motion?.layers > layers) {
      throw new SceneError("This scene has more splats than this device can show.");
    }
    this.canonical = texture(gl, gl.TEXTURE_2D, () => {
      gl.texStorage2D(gl.TEXTURE_2D, 1, gl.RGBA32UI, canonical.width, canonical.height);
      const all = [0, 0, 0, canonical.width, canonical.height];
      gl.texSubImage2D(gl.TEXTURE_2D, ...all, gl.RGBA_INTEGER, gl.UNSIGNED_INT, canonical.texels);
    });
    // What nothing moves in has a texture too: a sampler without one is an error.
    const { width, height, layers: deep, texels } = motion ?? { width: 1, height: 1, layers: 1, texels: new Uint32Array(4) };
    this.motionSize = [width, height];
    this.motion = texture(gl, gl.TEXTURE_2D_ARRAY, () => {
      gl.texStorage3D(gl.TEXTURE_2D_ARRAY, 1, gl.RGBA32UI, width, height, deep);
      const all = [0, 0, 0, 0, width, height, deep];
      gl.texSubImage3D(gl.TEXTURE_2D_ARRAY, ...all, gl.RGBA_INTEGER, gl.UNSIGNED_INT, texels);
    });
    this.width = WIDTH;
    this.height = Math.ceil(scene.header.splats / WIDTH);
    const perSplat = (format) =>
      texture(gl, gl.TEXTURE_2D, () => gl.texStorage2D(gl.TEXTURE_2D, 1, format, WIDTH, this.height));
    this.ellipses = perSplat(gl.RGBA32UI);
    this.looks = perSplat(gl.RGBA32UI);
    this.order = perSplat(gl.R32UI);
    this.projected = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.projected);
    [this.ellipses, this.looks].forEach((handle, i) => {
      gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0 + i, gl.TEXTURE_2D, handle, 0);
    });
    gl.drawBuffers([gl.COLOR_ATTACHMENT0, gl.COLOR_ATTACHMENT1]);
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    const nothing = [[0, 0, 0], [0, 0, 0]];
    const { color, quat, scale, opacity } = canonical.ranges;
    const { shifts, turns, stretches } = motion?.ranges ?? { shifts: nothing, turns: nothing, stretches: nothing };
    this.uniforms = {
      colorRange: color.flat(), quatRange: quat.flat(), scaleRange: scale.flat(), opacityRange: opacity.flat(),
      shiftRange: shifts.flat(), turnRange: turns.flat(), stretchRange: stretches.flat(),
      motionSize: this.motionSize, count: scene.header.splats, moving: motion ? scene.header.moving : 0, depths: scene.depths,
    };
  }

  /**
   * Resolves once the GPU has all of it, and rejects with a SceneError where it has too little memory. Asked for earlier,
   * the errors would hold up everything else here until the GPU is done with whatever it draws.
   */
  async arrived() {
    const { gl } = this;
    const sync = gl.fenceSync(gl.SYNC_GPU_COMMANDS_COMPLETE, 0);
    gl.flush();
    while (!gl.isContextLost() && gl.getSyncParameter(sync, gl.SYNC_STATUS) !== gl.SIGNALED) {
      await new Promise((again) => setTimeout(again, LOOK));
    }
    gl.deleteSync(sync);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.projected);
    const whole = gl.checkFramebufferStatus(gl.FRAMEBUFFER) === gl.FRAMEBUFFER_COMPLETE;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    if ((gl.getError() === gl.OUT_OF_MEMORY || !whole) && !gl.isContextLost()) {
      throw new SceneError("This device has too little graphics memory for this scene.");
    }
  }

  /** The order to draw in from now on: the first `count` of `order`, which is filled up to whole rows of texels. */
  setOrder(order, count) {
    const { gl } = this;
    gl.bindTexture(gl.TEXTURE_2D, this.order);
    const rows = Math.ceil(count / WIDTH);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, WIDTH, rows, gl.RED_INTEGER, gl.UNSIGNED_INT, order);
    this.count = count;
  }

  dispose() {
    const { gl } = this;
    gl.deleteTexture(this.canonical);
    gl.deleteTexture(this.motion);
    gl.deleteTexture(this.ellipses);
    gl.deleteTexture(this.looks);
    gl.deleteFramebuffer(this.projected);
    gl.deleteTexture(this.order);
  }
}

function texture(gl, target, fill) {
  const handle = gl.createTexture();
  gl.bindTexture(target, handle);
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  fill();
  gl.bindTexture(target, null);
  return handle;
}

/** Draws scenes onto a canvas. Knows neither time nor gestures. */

import { Program } from "./program.js";
import { BATCH, fullVertex, MODES, projectFragment, resolveFragment, skyFragment, splatFragment, splatVertex } from "./shaders.js";
import { GpuSplats } from "./splats.js";

const AROUND = [0.051, 0.059, 0.075]; // what lies around panes
const CONTEXT = { antialias: false, alpha: false, depth: false, stencil: false, powerPreference: "high-performance" };

export class Painter {
  /** Throws where there is no WebGL2. */
  constructor(canvas) {
    this.canvas = canvas;
    this.gl = canvas.getContext("webgl2", CONTEXT);
    if (!this.gl) throw new Error("no WebGL2");
    this.prepare();
  }

  /** Compile and allocate; again after the browser took the context away and gave it back. */
  prepare() {
    const { gl } = this;
    // Colours of splats reach outside 0 to 1 and hundreds of faint layers add up: 8 bits clamp and round each of them.
    const halfs = gl.getExtension("EXT_color_buffer_float") || gl.getExtension("EXT_color_buffer_half_float");
    this.fine = halfs ? { format: gl.RGBA16F, range: [0, 1], faintest: 1 / 255 } : null;
    // Measured on a real fit: 45 dB against the rasterizer, where half floats have 58 and 8 bits from 0 to 1 have 33.
    this.quick = { format: gl.RGB10_A2, range: [-1, 2], faintest: 2 / 255 };
    this.project = new Program(gl, fullVertex, projectFragment);
    this.splats = new Program(gl, splatVertex, splatFragment);
    this.sky = new Program(gl, fullVertex, skyFragment);
    this.resolve = new Program(gl, fullVertex, resolveFragment);
    this.empty = gl.createVertexArray();
    this.quads = quads(gl);
    this.target = null;
    gl.disable(gl.DITHER);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
  }

  upload(scene) {
    return new GpuSplats(this.gl, scene);
  }

  /**
   * Draw panes: {rect: [x, y, width, height] that is filled, in pixels of the canvas from its top left; frame: likewise,
   * where the camera's picture lies; background: [r, g, b]; sky: 48 numbers in its place, or null; splats: GpuSplats or null; view, lens: [fx, fy, cx, cy] in
   * pixels of the frame; keys, part, amount, mode, pointRadius: see the shader}.
   * fine: in half floats, to be looked at; else in 10 bits, in half the time where filling pixels is what takes it.
   */
  draw(panes, fine) {
    const { gl, canvas } = this;
    const { format, range, faintest } = (fine && this.fine) || this.quick;
    for (const pane of panes) if (pane.splats?.count) this.projectSplats(pane, faintest);
    this.prepareTarget(format);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.target.frame);
    gl.clearColor(...AROUND.map((value) => (value - range[0]) / (range[1] - range[0])), 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.enable(gl.SCISSOR_TEST);
    for (const pane of panes) {
      const [x, y, width, height] = pane.rect;
      gl.scissor(x, canvas.height - y - height, width, height);
      gl.clearColor(...pane.background.map((value) => (value - range[0]) / (range[1] - range[0])), 1);
      gl.clear(gl.COLOR_BUFFER_BIT);
      if (pane.sky) this.drawSky(pane, range);
      if (pane.splats?.count) this.drawSplats(pane, range, faintest);
    }
    gl.disable(gl.SCISSOR_TEST);
    this.copyToCanvas(range);
  }

  /** Where each splat lies on the screen and what it looks like, into the textures of its scene. */
  projectSplats({ splats, frame, view, lens, keys, part, amount, mode, pointRadius }, faintest) {
    const { gl } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, splats.projected);
    gl.viewport(0, 0, splats.width, splats.height);
    gl.useProgram(this.project.handle);
    this.bind([gl.TEXTURE_2D, splats.canonical], [gl.TEXTURE_2D_ARRAY, splats.motion]);
    const size = frame.slice(2);
    const now = { view, lens, keys, part, amount, pointRadius, faintest, size, mode: MODES.indexOf(mode) };
    this.project.set({ ...splats.uniforms, ...now, canonical: 0, motion: 1 });
    this.fill();
  }

  drawSky({ sky, frame, view, lens }, range) {
    const { gl, canvas } = this;
    const [x, y, width, height] = frame;
    const lower = canvas.height - y - height;
    gl.viewport(x, lower, width, height);
    gl.useProgram(this.sky.handle);
    this.sky.set({ sky, view, lens, range, frame: [x, lower, width, height] });
    this.fill();
  }

  drawSplats({ splats, frame, mode }, range, faintest) {
    const { gl, canvas } = this;
    const [x, y, width, height] = frame;
    gl.viewport(x, canvas.height - y - height, width, height);
    gl.useProgram(this.splats.handle);
    this.bind([gl.TEXTURE_2D, splats.ellipses], [gl.TEXTURE_2D, splats.looks], [gl.TEXTURE_2D, splats.order]);
    const shown = splats.count;
    const now = { shown, range, faintest, size: [width, height], mode: MODES.indexOf(mode) };
    this.splats.set({ ...now, ellipses: 0, looks: 1, order: 2 });
    gl.enable(gl.BLEND);
    gl.bindVertexArray(this.quads);
    gl.drawElementsInstanced(gl.TRIANGLES, 6 * Math.min(BATCH, shown), gl.UNSIGNED_SHORT, 0, Math.ceil(shown / BATCH));
    gl.bindVertexArray(null);
    gl.disable(gl.BLEND);
  }

  copyToCanvas(range) {
    const { gl, canvas } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.useProgram(this.resolve.handle);
    this.bind([gl.TEXTURE_2D, this.target.picture]);
    this.resolve.set({ picture: 0, range });
    this.fill();
  }

  /** [kind, texture] each, as units 0, 1, ... */
  bind(...textures) {
    const { gl } = this;
    textures.forEach(([kind, texture], unit) => {
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(kind, texture);
    });
    gl.activeTexture(gl.TEXTURE0);
  }

  /** One triangle over the whole viewport. */
  fill() {
    const { gl } = this;
    gl.bindVertexArray(this.empty);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.bindVertexArray(null);
  }

  /** The picture that is blended in, as large as the canvas. */
  prepareTarget(format) {
    const { gl, canvas } = this;
    const { width, height } = canvas;
    if (this.target?.width === width && this.target.height === height && this.target.format === format) return;
    this.dropTarget();
    const picture = gl.createTexture();
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, picture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    gl.texStorage2D(gl.TEXTURE_2D, 1, format, width, height);
    const frame = gl.createFramebuffer();
    gl.bindFramebuffer(gl.FRAMEBUFFER, frame);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, picture, 0);
    this.target = { frame, picture, width, height, format };
  }

  dropTarget() {
    if (!this.target) return;
    this.gl.deleteFramebuffer(this.target.frame);
    this.gl.deleteTexture(this.target.picture);
    this.target = null;
  }

  dispose() {
    this.dropTarget();
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** Two triangles each for a batch of splats; which corner of which splat a vertex is, its number says. */
function quads(gl) {
  const vertices = gl.createVertexArray();
  gl.bindVertexArray(vertices);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  const indices = Uint16Array.from({ length: 6 * BATCH }, (_, i) => 4 * Math.floor(i / 6) + [0, 1, 2, 2, 1, 3][i % 6]);
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, indices, gl.STATIC_DRAW);
  gl.bindVertexArray(null);
  return vertices;
}

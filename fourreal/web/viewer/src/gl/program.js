/** A linked program and its uniforms by name. */

export class Program {
  constructor(gl, vertex, fragment) {
    this.gl = gl;
    this.handle = gl.createProgram();
    const shaders = [
      [gl.VERTEX_SHADER, vertex],
      [gl.FRAGMENT_SHADER, fragment],
    ].map(([kind, source]) => {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(this.handle, shader);
      return shader;
    });
    gl.linkProgram(this.handle);
    if (!gl.getProgramParameter(this.handle, gl.LINK_STATUS) && !gl.isContextLost()) {
      const logs = [gl.getProgramInfoLog(this.handle), ...shaders.map((shader) => gl.getShaderInfoLog(shader))];
      throw new Error(`the shaders do not compile: ${logs.filter(Boolean).join("; ")}`);
    }
    shaders.forEach((shader) => gl.deleteShader(shader));
    this.places = {};
    const count = gl.getProgramParameter(this.handle, gl.ACTIVE_UNIFORMS) ?? 0;
    for (let i = 0; i < count; i++) {
      const { name, type } = gl.getActiveUniform(this.handle, i);
      this.places[name.replace("[0]", "")] = { type, at: gl.getUniformLocation(this.handle, name) };
    }
  }

  /** Set uniforms by name; what the compiler has dropped is passed over. */
  set(values) {
    const { gl } = this;
    const setters = {
      [gl.FLOAT]: (at, value) => gl.uniform1f(at, value),
      [gl.FLOAT_VEC2]: (at, value) => gl.uniform2fv(at, value),
      [gl.FLOAT_VEC3]: (at, value) => gl.uniform3fv(at, value),
      [gl.FLOAT_VEC4]: (at, value) => gl.uniform4fv(at, value),
      [gl.FLOAT_MAT4]: (at, value) => gl.uniformMatrix4fv(at, false, value),
      [gl.INT_VEC2]: (at, value) => gl.uniform2iv(at, value),
    };
    for (const [name, value] of Object.entries(values)) {
      const place = this.places[name];
      if (place) (setters[place.type] ?? ((at, number) => gl.uniform1i(at, number)))(place.at, value);
    }
  }
}

/**
 * Four programs. `sky`: what lies behind all splats. `project`: Gaussians to ellipses on the screen by gsplat's conventions, one fragment a splat, so that
 * it is done once and not once a corner. `splat`: those ellipses, drawn in order. `resolve`: the picture that they
 * are blended in onto the canvas.
 */

// Splats an instance. One by one they would be the simplest; but GPUs like fuller batches, and software ones need them.
export const BATCH = 1024;
export const MODES = ["splats", "points", "depth"];

export const projectFragment = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;
precision highp usampler2DArray;

uniform usampler2D canonical;
uniform usampler2DArray motion;
uniform ivec2 motionSize;    // texels a row, rows a layer
uniform int count;           // of all splats
uniform int moving;          // how many splats move: the first ones
uniform ivec2 keys;          // the two frames around the time shown
uniform float part;          // how far it is from the first to the second
uniform float amount;        // of the motion: 1 deformed, 0 canonical
uniform vec3 colorRange[2], quatRange[2], scaleRange[2], shiftRange[2], turnRange[2], stretchRange[2];
uniform vec2 opacityRange;   // value = [0] + [1] * number, all of them
uniform mat4 view;           // world to camera, OpenCV axes: x right, y down, z forward
uniform vec4 lens;           // fx, fy, cx, cy in pixels
uniform vec2 size;           // of the picture in pixels
uniform int mode;            // splats, points, depth
uniform float pointRadius;   // pixels
uniform float faintest;      // alpha below which nothing is drawn
uniform vec2 depths;         // nearest and farthest of the depth display

layout(location = 0) out uvec4 ellipse;  // centre x, y and half of the longer axis x, y in pixels, as floats
layout(location = 1) out uvec4 look;     // half of the shorter axis | red, green | blue, opacity (half floats) | extent

const float NEAR = 0.2;
const float BLUR = 0.3;      // square pixels added to both variances on screen: no splat falls between pixels

vec2 pair(uint word) { return vec2(word & 0xffffu, word >> 16); }

vec4 quaternion(vec3 turn) {
  float angle = length(turn);
  return angle < 1e-6 ? vec4(0.5 * turn, 1.0) : vec4(turn * (sin(0.5 * angle) / angle), cos(0.5 * angle));
}

vec4 multiply(vec4 a, vec4 b) {
  return vec4(a.w * b.xyz + b.w * a.xyz + cross(a.xyz, b.xyz), a.w * b.w - dot(a.xyz, b.xyz));
}

mat3 rotation(vec4 q) {
  vec3 x = q.xyz * q.x, y = q.xyz * q.y;
  vec3 w = q.w * q.xyz;
  float zz = q.z * q.z;
  return mat3(
    1.0 - 2.0 * (y.y + zz), 2.0 * (x.y + w.z), 2.0 * (x.z - w.y),
    2.0 * (x.y - w.z), 1.0 - 2.0 * (x.x + zz), 2.0 * (y.z + w.x),
    2.0 * (x.z + w.y), 2.0 * (y.z - w.x), 1.0 - 2.0 * (x.x + y.y));
}

uvec4 key(int frame, int splat) {
  int at = frame * moving + splat;
  int row = at / motionSize.x;
  return texelFetch(motion, ivec3(at % motionSize.x, row % motionSize.y, row / motionSize.y), 0);
}

vec3 shiftOf(uvec4 k) { return shiftRange[0] + shiftRange[1] * vec3(pair(k.x), k.y & 0xffffu); }
vec3 turnOf(uvec4 k) { return turnRange[0] + turnRange[1] * vec3(k.y >> 16, pair(k.z)); }
vec3 stretchOf(uvec4 k) {
  return stretchRange[0] + stretchRange[1] * vec3(k.w & 0x3ffu, (k.w >> 10) & 0x3ffu, (k.w >> 20) & 0x3ffu);
}

// From pale yellow, near, over red to dark blue, far.
vec3 depthColor(float x) {
  const vec3 stops[5] = vec3[5](
    vec3(1.0, 0.95, 0.75), vec3(0.98, 0.64, 0.3), vec3(0.79, 0.27, 0.42), vec3(0.38, 0.18, 0.53), vec3(0.07, 0.09, 0.23));
  float at = 4.0 * clamp(x, 0.0, 1.0);
  int stop = min(int(at), 3);
  return mix(stops[stop], stops[stop + 1], at - float(stop));
}

void main() {
  ellipse = look = uvec4(0u);  // an extent of 0: nothing, until it is known to be seen
  ivec2 here = ivec2(gl_FragCoord.xy);
  int i = here.y * 2048 + here.x;
  if (i >= count) return;
  ivec2 at = ivec2((2 * i) & 2047, i >> 10);
  uvec4 a = texelFetch(canonical, at, 0), b = texelFetch(canonical, at + ivec2(1, 0), 0);
  vec3 mean = uintBitsToFloat(a.xyz);
  float opacity = opacityRange.x + opacityRange.y * float(b.x >> 16);
  if (opacity < faintest) return;
  bool moved = i < moving && amount > 0.0;
  uvec4 k0, k1;
  if (moved) {
    k0 = key(keys.x, i);
    k1 = key(keys.y, i);
    mean += amount * mix(shiftOf(k0), shiftOf(k1), part);
  }
  vec3 p = (view * vec4(mean, 1.0)).xyz;
  if (p.z < NEAR) return;

  vec2 focal = lens.xy / p.z;
  vec2 centre = p.xy * focal + lens.zw;
  vec3 color = colorRange[0] + colorRange[1] * vec3(pair(a.w), b.x & 0xffffu);
  vec2 reach;  // half extents on screen, for what is culled
  vec2 along, across;
  float extent;
  if (mode == 1) {
    if (opacity < 0.05) return;
    along = vec2(pointRadius, 0.0);
    across = vec2(0.0, pointRadius);
    extent = 1.0;
    reach = vec2(pointRadius);
  } else {
    vec3 q = quatRange[0] + quatRange[1] * vec3(pair(b.y), b.z & 0xffffu);
    vec4 turn = vec4(q, sqrt(max(0.0, 1.0 - dot(q, q))));
    vec3 scale = scaleRange[0] + scaleRange[1] * vec3(b.z >> 16, pair(b.w));
    if (moved) {
      vec4 t0 = quaternion(amount * turnOf(k0)), t1 = quaternion(amount * turnOf(k1));
      if (dot(t0, t1) < 0.0) t1 = -t1;
      turn = multiply(normalize(mix(t0, t1, part)), turn);
      scale += amount * mix(stretchOf(k0), stretchOf(k1), part);
    }
    vec3 s = exp(scale);
    mat3 axes = mat3(view) * rotation(normalize(turn));
    // The slope of the perspective map is taken no farther out than 0.15 picture sizes beyond the border, as in 3DGS.
    vec2 slope = clamp(p.xy / p.z, (-lens.zw - 0.15 * size) / lens.xy, (1.15 * size - lens.zw) / lens.xy);
    vec3 u = vec3(0.0), v = vec3(0.0);
    for (int k = 0; k < 3; k++) {
      u[k] = focal.x * (axes[k].x - slope.x * axes[k].z) * s[k];
      v[k] = focal.y * (axes[k].y - slope.y * axes[k].z) * s[k];
    }
    float xx = dot(u, u) + BLUR, xy = dot(u, v), yy = dot(v, v) + BLUR;
    if (!(xx + yy < 1e15)) return;
    extent = sqrt(2.0 * log(opacity / faintest));  // where alpha falls to that
    reach = extent * sqrt(vec2(xx, yy));
    float middle = 0.5 * (xx + yy), half_ = 0.5 * (xx - yy);
    float apart = sqrt(half_ * half_ + xy * xy);
    // |u|^2 |v|^2 - (u v)^2 = |u x v|^2: as a cross product nothing cancels where a splat is a needle.
    vec3 n = cross(u, v);
    float determinant = dot(n, n) + BLUR * (xx + yy - BLUR);
    float longest = middle + apart;
    vec2 axis = half_ >= 0.0 ? vec2(half_ + apart, xy) : vec2(xy, apart - half_);
    axis = apart > 1e-12 * middle ? normalize(axis) : vec2(1.0, 0.0);
    along = axis * (sqrt(longest) * extent);
    across = vec2(-axis.y, axis.x) * (sqrt(determinant / longest) * extent);
  }
  if (any(lessThan(centre + reach, vec2(0.0))) || any(greaterThan(centre - reach, size))) return;
  if (mode == 2) color = depthColor((1.0 - depths.x / p.z) / (1.0 - depths.x / depths.y));  // even steps of 1 / depth
  ellipse = floatBitsToUint(vec4(centre, along));
  look = uvec4(packHalf2x16(across), packHalf2x16(color.rg), packHalf2x16(vec2(color.b, opacity)), floatBitsToUint(extent));
}`;

export const splatVertex = `#version 300 es
precision highp float;
precision highp int;
precision highp usampler2D;

uniform usampler2D ellipses, looks;
uniform usampler2D order;    // which splat comes when
uniform int shown;           // how many of them
uniform vec2 size;
uniform vec2 range;          // the colours that 0 and 1 of the picture stand for

flat out vec4 color;
out vec2 offset;             // from the centre, in standard deviations

const int BATCH = ${BATCH};

void main() {
  gl_Position = vec4(0.0, 0.0, 2.0, 1.0);  // outside
  int turn = gl_InstanceID * BATCH + gl_VertexID / 4;
  if (turn >= shown) return;
  uint index = texelFetch(order, ivec2(turn & 2047, turn >> 11), 0).x;
  ivec2 at = ivec2(index & 2047u, index >> 11);
  uvec4 look = texelFetch(looks, at, 0);
  float extent = uintBitsToFloat(look.w);
  if (extent == 0.0) return;
  vec2 corner = vec2(gl_VertexID & 1, (gl_VertexID >> 1) & 1) * 2.0 - 1.0;
  vec4 ellipse = uintBitsToFloat(texelFetch(ellipses, at, 0));
  color = vec4(unpackHalf2x16(look.y), unpackHalf2x16(look.z));
  color.rgb = (color.rgb - range.x) / (range.y - range.x);
  offset = corner * extent;
  vec2 place = ellipse.xy + corner.x * ellipse.zw + corner.y * unpackHalf2x16(look.x);
  gl_Position = vec4(2.0 * place.x / size.x - 1.0, 1.0 - 2.0 * place.y / size.y, 0.0, 1.0);
}`;

export const splatFragment = `#version 300 es
precision highp float;
uniform highp int mode;
uniform float faintest;
flat in vec4 color;
in vec2 offset;
out vec4 result;

void main() {
  float square = dot(offset, offset);
  float alpha = mode == 1 ? step(square, 1.0) : min(color.a * exp(-0.5 * square), 0.999);
  if (alpha < faintest) discard;
  result = vec4(color.rgb * alpha, alpha);
}`;

// One triangle over everything.
export const fullVertex = `#version 300 es
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  gl_Position = vec4(4.0 * corner - 1.0, 0.0, 1.0);
}`;

// The colour of each direction, as fourreal/scene/sky.py fits it.
export const skyFragment = `#version 300 es
precision highp float;
uniform vec3 sky[16];        // spherical harmonics up to degree three
uniform mat4 view;
uniform vec4 lens;
uniform vec4 frame;          // x, y from the canvas's lower left corner, width, height in pixels
uniform vec2 range;
out vec4 result;

void main() {
  vec2 at = vec2(gl_FragCoord.x - frame.x, frame.y + frame.w - gl_FragCoord.y);
  vec3 d = normalize(vec3((at - lens.zw) / lens.xy, 1.0)) * mat3(view);
  float x = d.x, y = d.y, z = d.z, xx = x * x, yy = y * y, zz = z * z;
  vec3 color = 0.28209479 * sky[0] + 0.48860251 * (z * sky[2] - y * sky[1] - x * sky[3])
    + 1.09254843 * (x * y * sky[4] - y * z * sky[5] - x * z * sky[7])
    + 0.31539157 * (2.0 * zz - xx - yy) * sky[6] + 0.54627422 * (xx - yy) * sky[8]
    - 0.59004359 * (y * (3.0 * xx - yy) * sky[9] + x * (xx - 3.0 * yy) * sky[15])
    + 2.89061144 * x * y * z * sky[10] - 0.45704580 * (4.0 * zz - xx - yy) * (y * sky[11] + x * sky[13])
    + 0.37317633 * z * (2.0 * zz - 3.0 * xx - 3.0 * yy) * sky[12] + 1.44530572 * z * (xx - yy) * sky[14];
  result = vec4((clamp(color, 0.0, 1.0) - range.x) / (range.y - range.x), 1.0);
}`;

export const resolveFragment = `#version 300 es
precision highp float;
uniform highp sampler2D picture;
uniform vec2 range;
out vec4 result;

void main() {
  vec3 seen = texelFetch(picture, ivec2(gl_FragCoord.xy), 0).rgb;
  result = vec4(clamp(range.x + (range.y - range.x) * seen, 0.0, 1.0), 1.0);
}`;

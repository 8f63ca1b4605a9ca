/**
 * Bundles src/ into dist/viewer.js, one ES module that asks for nothing else: npm ci && npm run build.
 *
 * Its first line carries the hash of the sources, so that a test sees a bundle that was forgotten without needing npm.
 */

import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const common = { bundle: true, minify: true, target: "es2022", absWorkingDir: here, charset: "utf8", write: false };

/** SHA-256 over every file in src/ by path: its path, a zero, its content, a zero. */
function sourceHash() {
  const hash = createHash("sha256");
  const files = readdirSync(join(here, "src"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(here, join(entry.parentPath, entry.name)).replaceAll("\\", "/"))
    .sort();
  for (const file of files) hash.update(file).update("\0").update(readFileSync(join(here, file))).update("\0");
  return hash.digest("hex");
}

/** `import source from "worker:./file.js"`: that file, bundled into a string. */
const workers = {
  name: "workers",
  setup(build) {
    build.onResolve({ filter: /^worker:/ }, ({ path, resolveDir }) => ({
      path: join(resolveDir, path.slice("worker:".length)),
      namespace: "worker",
    }));
    build.onLoad({ filter: /.*/, namespace: "worker" }, async ({ path }) => {
      const bundle = await esbuild.build({ ...common, entryPoints: [path], format: "iife" });
      return { contents: bundle.outputFiles[0].text, loader: "text" };
    });
  },
};

const bundle = await esbuild.build({
  ...common,
  write: true,
  entryPoints: ["src/viewer.js"],
  outfile: "dist/viewer.js",
  format: "esm",
  plugins: [workers],
  loader: { ".css": "text" },
  banner: { js: `/* fourreal viewer, sources ${sourceHash()} */` },
  metafile: true,
});
const [file] = Object.entries(bundle.metafile.outputs);
console.log(`${file[0]}: ${(file[1].bytes / 1024).toFixed(0)} KiB`);

import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
export default {
  root: here,
  publicDir: `${here}static`,
  resolve: { alias: { "$/public": `${here}public` } },
  esbuild: { jsx: "automatic" },
  oxc: { jsx: { runtime: "automatic" } },
  worker: { format: "es" },
  build: { outDir: `${here}dist`, emptyOutDir: true, minify: false, target: "es2022", chunkSizeWarningLimit: 10000 },
};

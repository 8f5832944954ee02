import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
// Components alone speak English: there are no catalogues.
const english = {
  name: "no-catalogues",
  resolveId: (id) => (id === "virtual:catalogues" ? "\0catalogues" : null),
  load: (id) => (id === "\0catalogues" ? "export default {};" : null),
};
export default {
  root: here,
  plugins: [english],
  publicDir: `${here}static`,
  resolve: { alias: { "$/public": `${here}public`, "$/utils": `${here}utils` } },
  esbuild: { jsx: "automatic" },
  oxc: { jsx: { runtime: "automatic" } },
  worker: { format: "es" },
  build: { outDir: `${here}dist`, emptyOutDir: true, minify: false, target: "es2022", chunkSizeWarningLimit: 10000 },
};

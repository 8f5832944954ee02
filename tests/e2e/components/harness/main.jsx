// Mounts one client component without Reflex: window.mount(name, props); events land in window.events.
import { createElement, lazy, Suspense } from "react";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router";

const modules = import.meta.glob("./public/external/components/*/*.jsx");
const root = createRoot(document.getElementById("root"));
window.events = [];
let shown = 0;

const COMPONENTS = {};
for (const path of Object.keys(modules)) {
  const name = path.split("/").pop().replace(".jsx", "");
  COMPONENTS[name] = modules[path];
}

function recording(props) {
  const out = {};
  for (const [key, value] of Object.entries(props)) {
    out[key] = value === "EVENT" ? (...args) => window.events.push([key, ...args]) : value;
  }
  return out;
}

window.mountAll = (list, keep = false) => {
  if (!keep) shown += 1;
  root.render(
    <BrowserRouter><Suspense fallback={null}>
      {list.map(({ module, tag, props, style }, i) => {
        const key = `${shown}${i}`;
        mounted[key] ||= lazy(async () => ({ default: (await COMPONENTS[module]())[tag] }));
        return (
          <div key={key} style={style || { height: "100vh" }}>
            {createElement(mounted[key], recording(props || {}))}
          </div>
        );
      })}
    </Suspense></BrowserRouter>,
  );
};
const mounted = {};
window.ready = true;

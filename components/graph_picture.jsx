// A plain picture of the graph's places and names: good for a document, free of the page's styles.
import { familyOf, shortType } from "$/public/external/components/glyphs/glyphs.jsx";

export function download(host, boxes, nodes, kind = "svg") {
  const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const all = [...boxes.values()];
  if (!all.length) return;
  const x0 = Math.min(...all.map((b) => b.x)) - 16;
  const y0 = Math.min(...all.map((b) => b.y)) - 16;
  const w = Math.max(...all.map((b) => b.x + b.width)) - x0 + 16;
  const h = Math.max(...all.map((b) => b.y + b.height)) - y0 + 16;
  const text = (s) => String(s).replace(/[&<>"]/g, (c) => ({ "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" })[c]);
  const parts = [];
  const paths = [...host.querySelectorAll(".react-flow__edge-path")].map((p) => p.getAttribute("d"));
  for (const node of nodes) {
    if (node.type !== "cluster") continue;
    const b = boxes.get(node.id);
    parts.push(`<rect x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" rx="10" fill="${css("--fd-panel")}" stroke="${css("--fd-line-2")}"/><text x="${b.x + 12}" y="${b.y + 22}" font-size="12" fill="${css("--fd-fg")}">${text(node.data.cluster.task)}</text>`);
  }
  for (const d of paths) parts.push(`<path d="${d}" fill="none" stroke="${css("--fd-ctl-line")}"/>`);
  for (const node of nodes) {
    if (node.type === "cluster" || node.type === "joint") continue;
    const b = boxes.get(node.id);
    const state = node.data.live?.state;
    parts.push(`<rect x="${b.x}" y="${b.y}" width="${b.width}" height="${b.height}" rx="6" fill="${css("--fd-page")}" stroke="${css("--fd-line-2")}"/>`);
    if (state) parts.push(`<rect x="${b.x + 4}" y="${b.y + 6}" width="4" height="${b.height - 12}" rx="2" fill="${css(`--fd-${familyOf(state)}-solid`)}"/>`);
    parts.push(`<text x="${b.x + 16}" y="${b.y + b.height / 2 - 2}" font-size="12" font-weight="500" fill="${css("--fd-fg")}">${text(node.data.node.task)}</text><text x="${b.x + 16}" y="${b.y + b.height / 2 + 14}" font-size="11" fill="${css("--fd-fg-3")}">${text(node.type === "trigger" ? "" : shortType(node.data.node.type))}</text>`);
  }
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="${x0} ${y0} ${w} ${h}" width="${w}" height="${h}" font-family="Inter, sans-serif"><rect x="${x0}" y="${y0}" width="${w}" height="${h}" fill="${css("--fd-page")}"/>${parts.join("")}</svg>`;
  const keep = (blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `topology.${kind}`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  };
  const whole = new Blob([svg], { type: "image/svg+xml" });
  if (kind === "svg") return keep(whole);
  const image = new Image();
  image.onload = () => {
    const scale = Math.min(2, 8000 / Math.max(w, h));
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [w * scale, h * scale];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    canvas.toBlob((blob) => blob && keep(blob), "image/png");
    URL.revokeObjectURL(image.src);
  };
  image.src = URL.createObjectURL(whole);
  return undefined;
}

// Dragging a task in the graph: onto another one they change places, onto an edge it goes there, onto a block's head into it.
import { useCallback, useEffect, useRef, useState } from "react";

const FAR = 6; // pixels until a press is a drag
const NEAR = 30; // pixels around the "+" of an edge

function targetAt(host, x, y, task) {
  let best = null;
  for (const plus of host.querySelectorAll(".plus[data-drop]")) {
    const box = plus.getBoundingClientRect();
    const away = Math.hypot(x - (box.left + box.right) / 2, y - (box.top + box.bottom) / 2);
    if (away < NEAR && (!best || away < best.away)) best = { element: plus, away };
  }
  const element = best?.element || document.elementFromPoint(x, y)?.closest?.("[data-drop]");
  return element && host.contains(element) && element.dataset.task !== task ? element : null;
}

// -> {grab, drag, wasDrag}; onDrop(kind, task, other) with the kinds swap, after, before, into.
export function useDrag(host, onDrop) {
  const [drag, setDrag] = useState(null); // {task, x, y}
  const held = useRef({});
  held.current.onDrop = onDrop;
  const wasDrag = useCallback(() => held.current.ended && Date.now() - held.current.ended < 80, []);
  const grab = useCallback((event, task) => {
    if (event.button !== 0 || event.pointerType === "touch" || event.target.closest("button,a,input,select")) return;
    const from = { x: event.clientX, y: event.clientY };
    let moving = false;
    let over = null;
    const light = (element) => { if (over === element) return; over?.classList.remove("over"); over = element; over?.classList.add("over"); };
    const move = (e) => {
      if (!moving && Math.hypot(e.clientX - from.x, e.clientY - from.y) < FAR) return;
      if (!moving) host.current?.classList.add("dragging");
      moving = true;
      e.preventDefault();
      light(targetAt(host.current, e.clientX, e.clientY, task));
      setDrag({ task, x: e.clientX, y: e.clientY });
    };
    const end = (e, dropped) => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("pointerup", up);
      document.removeEventListener("pointercancel", cancel);
      document.removeEventListener("keydown", key, true);
      host.current?.classList.remove("dragging");
      const at = over;
      light(null);
      setDrag(null);
      held.current.stop = null;
      if (moving) held.current.ended = Date.now();
      if (dropped && moving && at) held.current.onDrop(at.dataset.drop, task, at.dataset.task);
    };
    const up = (e) => end(e, true);
    const cancel = (e) => end(e, false);
    const key = (e) => { if (e.key === "Escape") { e.stopPropagation(); end(e, false); } };
    document.addEventListener("pointermove", move);
    document.addEventListener("pointerup", up);
    document.addEventListener("pointercancel", cancel);
    document.addEventListener("keydown", key, true);
    held.current.stop = cancel;
  }, []);
  useEffect(() => () => held.current.stop?.(), []);
  return { grab, drag, wasDrag };
}

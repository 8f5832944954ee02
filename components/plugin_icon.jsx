// The picture of a plugin: the server's list is asked once a page; a letter on its kind's colour until then.
import { useEffect, useState } from "react";
import { request } from "$/public/external/components/net/net.jsx";

let asked;
const icons = () => (asked ||= request("/api/v1/plugins/icons").catch(() => ((asked = undefined), {})));

export function PluginIcon({ type = "", size = 20 }) {
  const [known, setKnown] = useState(null);
  useEffect(() => {
    let here = true;
    icons().then((found) => here && setKnown(found || {}));
    return () => { here = false; };
  }, []);
  const name = type.split(".").pop() || "";
  const icon = known?.[type]?.icon;
  const box = { width: size, height: size, flex: "none", borderRadius: 4, display: "inline-block" };
  return icon
    ? <img src={`data:image/svg+xml;base64,${icon}`} alt="" title={name} style={box} />
    : <span aria-hidden="true" title={name} style={{ ...box, background: "var(--fd-press)", textAlign: "center", fontSize: size * 0.55, lineHeight: `${size}px` }}>{name.slice(0, 1)}</span>;
}

// Texts that stay in the browser: the page's state knows addresses alone (UI-RX-02). An address is a path of the API;
// or `held:{document}#{name}` for what an editor of this page holds; or empty for an empty text.
import { useMemo } from "react";
import { useRequest } from "$/public/external/components/net/net.jsx";

const TEXT = { as: "text", headers: { Accept: "*/*" } };
const OWN = "held:";
const held = new Map(); // "document#name" -> a text, or what gives it when somebody asks

const read = (key) => {
  const found = held.get(key);
  return (typeof found === "function" ? found() : found) ?? "";
};
export const hold = (uri, name, text) => held.set(`${uri}#${name}`, text);
export const heldText = (uri, name) => read(`${uri}#${name}`);
export const forget = (uri) => [...held.keys()].filter((key) => key.startsWith(`${uri}#`)).forEach((key) => held.delete(key));

// {data, error, loading, reload} of an address; a held text is the one of the moment in which it was asked for.
export function useText(address = "") {
  const own = address.startsWith(OWN);
  const asked = useRequest(own ? "" : address, TEXT);
  const text = useMemo(() => (own ? read(address.slice(OWN.length)) : ""), [address]);
  return own || !address ? { data: text, error: undefined, loading: false, reload: asked.reload } : asked;
}

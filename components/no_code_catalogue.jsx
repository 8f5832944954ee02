// The catalogue of types: groups, search over every part of the name and the description, keys to choose.
import { useEffect, useMemo, useRef, useState } from "react";
import { Icon, typeIcon } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { typesOfKind } from "$/public/external/components/yaml_document/yaml_knowledge.jsx";

const groupOf = (type) => type.split(".").slice(0, -1).join(".").replace(/^io\.kestra\.(plugin\.)?/, "");
const WORDS = { task: "task", trigger: "trigger", input: "input", condition: "condition", runner: "task runner" };

export function Catalogue({ open, kind = "task", definitions, title, onPick, onClose }) {
  const [query, setQuery] = useState("");
  const [group, setGroup] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef(null);
  useEffect(() => { if (open) { setQuery(""); setGroup(""); setAt(0); } }, [open]);
  const types = useMemo(() => (open ? typesOfKind(definitions, kind).filter((one) => !one.deprecated) : []), [open, kind, definitions]);
  const groups = useMemo(() => { const out = new Map(); for (const one of types) out.set(groupOf(one.type), (out.get(groupOf(one.type)) || 0) + 1); return [...out].sort(); }, [types]);
  const words = query.toLowerCase().split(/[\s.]+/).filter(Boolean);
  const found = useMemo(() => {
    const score = (one) => {
      const name = one.type.split(".").pop().toLowerCase();
      if (!words.length) return 1;
      if (!words.every((word) => one.type.toLowerCase().includes(word) || one.title.toLowerCase().includes(word))) return 0;
      return words.some((word) => name.startsWith(word)) ? 3 : words.some((word) => one.type.toLowerCase().includes(word)) ? 2 : 1;
    };
    return types.map((one) => [score(one), one]).filter(([n, one]) => n && (!group || groupOf(one.type) === group)).sort((a, b) => b[0] - a[0] || a[1].type.localeCompare(b[1].type)).map(([, one]) => one);
  }, [types, query, group]);
  useEffect(() => { list.current?.children[at]?.scrollIntoView({ block: "nearest" }); }, [at]);
  const pick = (one) => one && onPick(one.type);
  const keys = (event) => {
    if (event.key === "ArrowDown" || event.key === "ArrowUp") { event.preventDefault(); setAt((old) => Math.min(found.length - 1, Math.max(0, old + (event.key === "ArrowDown" ? 1 : -1)))); }
    else if (event.key === "Enter") { event.preventDefault(); event.stopPropagation(); pick(found[at]); }
  };
  return (
    <Dialog open={open} title={title || `Add a ${WORDS[kind] || kind}`} width={720} onClose={onClose} testid="catalogue">
      <div className="nc-cat" onKeyDown={keys}>
        <div className="nc-catq"><Icon name="search" /><input type="search" data-autofocus="true" placeholder="Search by name or purpose: http, query, python …" aria-label="Search types" value={query} onChange={(e) => { setQuery(e.target.value); setAt(0); }} data-testid="catalogue-search" /></div>
        <div className="nc-catb">
          {groups.length > 1 ? (
            <nav aria-label="Groups">
              <button type="button" className={group ? "" : "on"} aria-pressed={!group} onClick={() => { setGroup(""); setAt(0); }}>All<i>{types.length}</i></button>
              {groups.map(([name, n]) => <button key={name} type="button" className={group === name ? "on" : ""} aria-pressed={group === name} onClick={() => { setGroup(name); setAt(0); }}><span className="ell" title={name}>{name || kind}</span><i>{n}</i></button>)}
            </nav>
          ) : null}
          <div ref={list} className="nc-catl" role="listbox" aria-label="Types">
            {found.map((one, i) => (
              <button key={one.type} type="button" role="option" aria-selected={i === at} className={i === at ? "on" : ""} onClick={() => pick(one)} onMouseEnter={() => setAt(i)} data-testid="catalogue-item" data-type={one.type}>
                <span className="ic"><Icon name={typeIcon(one.type)} size={16} /></span>
                <span className="grow"><b className="med">{one.type.split(".").pop()}</b> <span className="faint xs mono">{groupOf(one.type)}</span><span className="sm mut ell">{one.title}</span></span>
              </button>
            ))}
            {found.length ? null : <p className="mut sm" style={{ padding: 16 }}>Nothing is called “{query}”{group ? ` in ${group}` : ""}.</p>}
          </div>
        </div>
      </div>
    </Dialog>
  );
}

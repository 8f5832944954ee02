// A file that somebody else changes while it is open here: told at once, never overwritten in silence (UI-NS-07, UI-ED-61).
import { useCallback, useEffect, useRef, useState } from "react";
import { request, withQuery } from "$/public/external/components/net/net.jsx";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { Dialog } from "$/public/external/components/client/overlay.jsx";
import { DiffEditor } from "$/public/external/components/diff_editor/diff_editor.jsx";

const EACH = 15000; // ms between two looks at a file that is open
const TEXT = { as: "text", quiet: true, headers: { Accept: "*/*" } };

// What the server holds of a file, beside the version that the text here was made from: {base, newer, look, settle}.
// `base.current` is null while it is unknown. `same(text)` says whether a newer text is what stands here anyway.
export function useNewer({ statsUrl, contentUrl, same }) {
  const base = useRef(null);
  const busy = useRef(false);
  const held = useRef({});
  held.current = { statsUrl, contentUrl, same };
  const [newer, setNewer] = useState(null); // {version, text}, or {gone: true}
  const settle = useCallback((version) => { base.current = version; setNewer(null); }, []);
  const look = useCallback(async () => {
    const { statsUrl: stats, contentUrl: content } = held.current;
    const from = base.current;
    if (!stats || from === null || busy.current) return;
    busy.current = true;
    try {
      const { version } = await request(stats, { quiet: true });
      if (base.current !== from) return; // saved or read again meanwhile
      if (version === from) { setNewer(null); return; }
      const text = await request(withQuery(content, { revision: version }), TEXT);
      if (base.current !== from) return;
      if (held.current.same(text)) settle(version);
      else setNewer({ version, text });
    } catch (error) {
      if (error.status === 404 && base.current === from && from > 0) setNewer({ gone: true, version: 0, text: "" });
      // Whatever else fails is tried again at the next look.
    } finally {
      busy.current = false;
    }
  }, [settle]);
  useEffect(() => {
    if (!statsUrl) return undefined;
    const seen = () => { if (document.visibilityState === "visible") look(); };
    const timer = setInterval(seen, EACH);
    window.addEventListener("focus", seen);
    document.addEventListener("visibilitychange", seen);
    return () => { clearInterval(timer); window.removeEventListener("focus", seen); document.removeEventListener("visibilitychange", seen); };
  }, [statsUrl, look]);
  return { base, newer, look, settle };
}

// The bar over the text: compare, take the newer one, or keep one's own.
export function NewerBar({ newer, name, mine, onTake, onKeep }) {
  const [pair, setPair] = useState(null);
  useEffect(() => setPair(null), [newer]);
  if (!newer) return null;
  const keep = <button type="button" className="btn s" onClick={() => { setPair(null); onKeep(); }} data-testid="newer-keep">Keep mine</button>;
  const take = <button type="button" className="btn s" onClick={() => { setPair(null); onTake(); }} data-testid="newer-take">Take the newer one</button>;
  return (
    <>
      <div className="al warn newer" role="alert" data-testid="file-newer">
        <Icon name="triangle-alert" size={16} />
        <div className="grow">
          {newer.gone ? <><b className="med">This file was deleted on the server.</b> Keep yours and save it to make it again.</>
            : <><b className="med">Somebody saved a newer version of this file.</b> Yours is not saved over it before you choose.</>}
          <div className="row newera">
            {newer.gone ? null : <button type="button" className="btn s" onClick={() => setPair({ theirs: newer.text, mine: mine() })} data-testid="newer-compare">Compare</button>}
            {newer.gone ? null : take}
            {keep}
          </div>
        </div>
      </div>
      <Dialog open={Boolean(pair)} title={`The newer version of ${name}, and yours`} width={1120} onClose={() => setPair(null)} testid="newer-dialog">
        <div className="dbody"><p className="mut sm">{`Left: version ${newer.version}, as it is stored. Right: the text of this page.`}</p>
          {pair ? <div className="fdiff"><DiffEditor original={pair.theirs} modified={pair.mine} language={name} sideBySide /></div> : null}</div>
        <div className="df"><span className="grow" /><button type="button" className="btn s" onClick={() => setPair(null)}>Close</button>{take}{keep}</div>
      </Dialog>
    </>
  );
}

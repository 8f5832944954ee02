// How many executions wait for somebody: one small request a minute, shared by the pages of a tab.
import { useEffect, useState } from "react";
import { useLocation } from "react-router";
import { request } from "$/public/external/components/net/net.jsx";
import { useKnown } from "$/public/external/components/client/shell.jsx";

const EACH = 60000;
const SOON = 1500; // changes come in bursts, and a resume is a command: its effect follows
const MOST = 999;
const known = { tenant: "", total: 0, at: 0 };

export function HeldCount() {
  const { pathname } = useLocation(), reader = useKnown();
  const tenant = pathname.split("/").filter(Boolean)[0] || "main";
  const [total, setTotal] = useState(known.tenant === tenant ? known.total : 0);
  useEffect(() => {
    if (!reader) return undefined; // nobody is logged in, or it is not known yet
    const abort = new AbortController();
    let timer = 0;
    const look = async () => {
      clearTimeout(timer);
      timer = setTimeout(look, EACH);
      if (document.hidden) return;
      Object.assign(known, { tenant, at: Date.now() });
      try {
        const answer = await request(`/api/v1/${tenant}/console/executions/resumable`, { query: { size: 1 }, signal: abort.signal, retries: 0, quiet: true });
        known.total = answer.total;
        setTotal(answer.total);
      } catch {
        /* the count is no reason to bother anybody */
      }
    };
    const soon = () => { clearTimeout(timer); timer = setTimeout(look, SOON); };
    const shown = () => !document.hidden && Date.now() - known.at > EACH / 2 && look();
    if (known.tenant !== tenant || Date.now() - known.at > EACH / 2) look();
    else timer = setTimeout(look, EACH);
    document.addEventListener("visibilitychange", shown);
    window.addEventListener("flowdeck:executions", soon);
    window.addEventListener("flowdeck:session", soon);
    return () => {
      abort.abort();
      clearTimeout(timer);
      document.removeEventListener("visibilitychange", shown);
      window.removeEventListener("flowdeck:executions", soon);
      window.removeEventListener("flowdeck:session", soon);
    };
  }, [tenant, reader]);
  if (!reader || !total) return null;
  return <i className="n held" data-testid="held-count" title={`${total} waiting`}>{total > MOST ? `${MOST}+` : total}</i>;
}

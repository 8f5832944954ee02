// Help: tours, keys, documentation, news, links of the installation, and what a report of a problem needs.
import { Fragment, useEffect, useState } from "react";
import { useLocation } from "react-router";
import { copyText } from "../net/net.jsx";
import { Dialog, MenuItem, Popover } from "../client/overlay.jsx";
import { useMay } from "../client/shell.jsx";
import { TOURS, startTour, tourable, useTour } from "./tour.jsx";

const Line = () => <hr />;
const ask = (name) => window.dispatchEvent(new CustomEvent(name));

export function HelpItems({ links = [] }) {
  const { done } = useTour(), may = useMay();
  return <Fragment>
    {(tourable(may) ? TOURS : []).map((tour) => <MenuItem key={tour.id} testid={`tour-${tour.id}`} checked={done.includes(tour.id)} onSelect={() => startTour(tour.id)}>{tour.menu}</MenuItem>)}
    {tourable(may) ? <Line /> : null}
    <MenuItem keys="?" testid="help-keys" onSelect={() => ask("flowdeck:keys")}>Keyboard shortcuts</MenuItem>
    <MenuItem to="/docs" testid="help-docs">Documentation</MenuItem>
    <MenuItem to="/docs/about/changelog" testid="help-news">What's new</MenuItem>
    <MenuItem testid="help-report" onSelect={() => ask("flowdeck:report")}>Report an issue</MenuItem>
    {links.length ? <Line /> : null}
    {links.map((one) => <MenuItem key={one.url} href={one.url} testid="help-link">{one.title}</MenuItem>)}
  </Fragment>;
}

export function HelpMenu({ links = [], children }) {
  return <Popover menu label="Help" align="end" width={240} testid="help">
    <button type="button" className="ib" aria-label="Help" title="Help" data-testid="help-open">{children}</button>
    <HelpItems links={links} />
  </Popover>;
}

// Nothing is sent anywhere: the reader takes the facts to whoever runs this server.
export function ReportDialog({ version = "", contact }) {
  const { pathname, search } = useLocation();
  const [open, setOpen] = useState(false), [said, setSaid] = useState("");
  useEffect(() => { const f = () => { setSaid(""); setOpen(true); }; window.addEventListener("flowdeck:report", f); return () => window.removeEventListener("flowdeck:report", f); }, []);
  const facts = open ? [`flowdeck ${version}`, `page ${pathname}${search}`, `browser ${navigator.userAgent}`, `window ${window.innerWidth} × ${window.innerHeight}, ${document.documentElement.classList.contains("dark") ? "dark" : "light"}`, `at ${new Date().toISOString()}`].join("\n") : "";
  return <Dialog open={open} title="Report an issue" width={520} onClose={() => setOpen(false)} testid="report">
    <div className="dbody col g12">
      <p>This server tells nobody by itself. Give these facts, and what you did and saw, to the person who runs it; the request id of an error leads to the lines in the server's log.</p>
      <pre className="sample mono sm" tabIndex={0} aria-label="Facts about this page" data-testid="report-facts">{facts}</pre>
    </div>
    <div className="df"><span className="grow sm mut" role="status">{said}</span>
      <button type="button" className="btn" onClick={() => setOpen(false)}>Close</button>
      <button type="button" className="btn pri" data-primary onClick={async () => setSaid((await copyText(facts)) ? "Copied" : "The browser refused to copy")} data-testid="report-copy">Copy the facts</button></div>
  </Dialog>;
}

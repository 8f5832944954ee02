// Logging in, setting up and logging out: the browser itself sends these requests, since the session is an HttpOnly cookie.
import { useContext, useEffect, useRef, useState } from "react";
import { jsx } from "@emotion/react";
import { useLocation } from "react-router";
import { ColorModeContext } from "$/utils/context";
import { request, uiPath } from "../net/net.jsx";
import { forgetRights, store, takeStars, tenantOf } from "./shell.jsx";
import { Dialog } from "./overlay.jsx";

const svg = (size, ...paths) => jsx("svg", { width: size, height: size, viewBox: "0 0 24 24", fill: "none", stroke: "currentColor", strokeWidth: 1.75, strokeLinecap: "round", strokeLinejoin: "round", "aria-hidden": true }, ...paths.map((d) => jsx("path", { d })));
const EYE = ["M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7S2 12 2 12Z", "M12 15a3 3 0 1 0 0-6 3 3 0 0 0 0 6Z"];
const BAD = ["M7.9 2h8.2L22 7.9v8.2L16.1 22H7.9L2 16.1V7.9Z", "M15 9l-6 6M9 9l6 6"];

// Only a path of this console may follow a log-in.
export function safeTarget(from, tenant) {
  return typeof from === "string" && /^\/[^/\\]/.test(from) && !from.includes("\\") ? from : `/${tenant}/home`;
}
const enter = (path) => location.assign(uiPath(path));

export function Password({ value, onChange, error, label = "Password", autocomplete = "current-password", testid, mono }) {
  const [shown, setShown] = useState(false), [caps, setCaps] = useState(false);
  return jsx("div", { className: "fld" }, jsx("label", { htmlFor: testid }, label, jsx("span", { className: "req" }, autocomplete === "new-password" ? "*" : "")),
    jsx("div", { className: "inp l" + (error ? " err" : "") }, jsx("input", { id: testid, type: shown ? "text" : "password", className: shown && mono ? "mono" : undefined, value, autoComplete: autocomplete, "data-testid": testid, onChange: (e) => onChange(e.target.value),
      onKeyUp: (e) => setCaps(!!e.getModifierState?.("CapsLock")), onBlur: () => setCaps(false), maxLength: 256 }),
      jsx("button", { type: "button", className: "ib", "aria-label": shown ? "Hide the password" : "Show the password", "aria-pressed": shown, onClick: () => setShown(!shown) }, svg(14, ...EYE, ...(shown ? ["M3 3l18 18"] : [])))),
    caps ? jsx("span", { className: "hint" }, "⇪ Caps lock is on") : null);
}

const Fault = ({ text, id }) => (text ? jsx("div", { className: "al bad", role: "alert", "data-testid": id }, svg(16, ...BAD), jsx("span", null, text)) : null);

function useLogin(done) {
  const [fault, setFault] = useState(""), [busy, setBusy] = useState(false);
  const login = async (username, password, remember) => {
    setBusy(true); setFault("");
    try { await request("/login", { method: "POST", json: { username, password, remember } }); forgetRights(); setBusy(false); done(); }
    catch (e) {
      const until = e.body?.until ? new Date(e.body.until).toLocaleTimeString() : "";
      setFault(e.status === 401 ? "E-mail or password is wrong." : e.status === 423 ? `This account is locked${until ? ` until ${until}` : ""}.` : e.status === 429 ? "Too many tries. Wait a minute and try again." : e.message);
      setBusy(false);
    }
  };
  return { login, fault, busy };
}

export function LoginForm({ children }) {
  const { pathname, search } = useLocation(), tenant = tenantOf(pathname);
  const query = new URLSearchParams(search);
  const [username, setUsername] = useState(""), [password, setPassword] = useState(""), [remember, setRemember] = useState(true);
  const { login, fault, busy } = useLogin(() => enter(safeTarget(query.get("from"), tenant)));
  return jsx("form", { className: "col", style: { gap: 14 }, onSubmit: (e) => { e.preventDefault(); if (username && password) login(username.trim(), password, remember); } },
    query.get("expired") && !fault ? jsx("div", { className: "al warn", role: "status" }, jsx("span", null, "Your session has ended. Log in to go on where you were.")) : null,
    jsx(Fault, { text: fault, id: "login-error" }),
    jsx("div", { className: "fld" }, jsx("label", { htmlFor: "login-username" }, "E-mail"), jsx("div", { className: "inp l" }, jsx("input", { id: "login-username", autoFocus: true, autoComplete: "username", value: username, "data-testid": "login-username", onChange: (e) => setUsername(e.target.value), spellCheck: false }))),
    jsx(Password, { value: password, onChange: setPassword, testid: "login-password" }),
    jsx("label", { className: "row g6 pick" }, jsx("input", { type: "checkbox", checked: remember, onChange: (e) => setRemember(e.target.checked) }), "Stay logged in"),
    jsx("button", { type: "submit", className: "btn pri l wide", disabled: busy || !username || !password, "data-testid": "login-submit" }, busy ? "Logging in" : "Log in"), children);
}

export function LoginDialog({ username = "" }) { // over the page when a request met an ended session
  const [open, setOpen] = useState(false), [name, setName] = useState(username), [password, setPassword] = useState("");
  useEffect(() => setName(username), [username]);
  // The page stays as it is: its socket goes and comes again (as when a tab is hidden and shown), since the session's
  // cookie travels with its handshake; then what failed is asked again.
  const { login, fault, busy } = useLogin(() => {
    setOpen(false); setPassword("");
    window.dispatchEvent(new Event("pagehide"));
    document.dispatchEvent(new Event("visibilitychange"));
    window.dispatchEvent(new CustomEvent("flowdeck:session"));
  });
  useEffect(() => { const f = () => setOpen(true); window.addEventListener("flowdeck:login", f); return () => window.removeEventListener("flowdeck:login", f); }, []);
  return jsx(Dialog, { open, title: "Your session has ended", width: 400, onClose: () => setOpen(false), testid: "login-dialog" },
    jsx("div", { className: "dbody col", style: { gap: 14 } }, jsx("span", { className: "mut" }, "Log in again; what you typed stays here."), jsx(Fault, { text: fault }),
      jsx("div", { className: "fld" }, jsx("label", { htmlFor: "relogin-name" }, "E-mail"), jsx("div", { className: "inp l" }, jsx("input", { id: "relogin-name", value: name, autoComplete: "username", onChange: (e) => setName(e.target.value) }))),
      jsx(Password, { value: password, onChange: setPassword, testid: "relogin-password" })),
    jsx("div", { className: "df" }, jsx("span", { className: "grow" }), jsx("button", { type: "button", className: "btn", onClick: () => setOpen(false) }, "Later"),
      jsx("button", { type: "button", className: "btn pri", "data-primary": true, disabled: busy || !name || !password, onClick: () => login(name, password, true) }, "Log in")));
}

const RULES = [{ label: "8 characters", holds: (p) => p.length >= 8 }, { label: "upper and lower case", holds: (p) => /[a-z]/.test(p) && /[A-Z]/.test(p) }, { label: "a digit", holds: (p) => /\d/.test(p) }];

export function SetupForm({ messages = [], tokenNeeded = false }) {
  const { pathname } = useLocation(), tenant = tenantOf(pathname);
  const [f, setF] = useState({ first: "", last: "", username: "", password: "", token: "" }), [fault, setFault] = useState(""), [busy, setBusy] = useState(false), [askToken, setAskToken] = useState(tokenNeeded);
  const put = (k) => (e) => setF({ ...f, [k]: e.target ? e.target.value : e });
  const met = RULES.map((rule) => rule.holds(f.password)), mail = /^[^@\s]+@[^@\s]+\.[^@\s]+$/.test(f.username), ready = met.every(Boolean) && mail;
  const strength = Math.min(4, met.filter(Boolean).length + (f.password.length >= 14 ? 1 : 0));
  const submit = async (e) => {
    e.preventDefault();
    if (!ready || busy) return;
    setBusy(true); setFault("");
    try {
      await request(`/api/v1/${tenant}/basicAuth`, { method: "POST", json: { username: f.username.trim(), password: f.password, firstName: f.first || undefined, lastName: f.last || undefined, token: f.token || undefined } });
      await request("/login", { method: "POST", json: { username: f.username.trim(), password: f.password, remember: true } });
      enter(`/${tenant}/welcome`);
    } catch (x) {
      if (x.status === 403) setAskToken(true);
      setFault(x.status === 403 ? "This server needs the set-up token that it printed when it started." : [x.message, ...x.errors.map((o) => o.message)].filter(Boolean).join(" ")); setBusy(false);
    }
  };
  const text = (k, label, more = {}) => jsx("div", { className: "fld grow" }, jsx("label", { htmlFor: "setup-" + k }, label, more.required ? jsx("span", { className: "req" }, "*") : null),
    jsx("div", { className: "inp l" + (more.bad ? " err" : "") }, jsx("input", { id: "setup-" + k, value: f[k], onChange: put(k), autoComplete: more.auto || "off", "data-testid": "setup-" + k, spellCheck: false, autoFocus: more.focus })), more.bad ? jsx("span", { className: "er" }, more.bad) : null);
  return jsx("form", { className: "col", style: { gap: 14 }, onSubmit: submit },
    messages.length ? jsx("div", { className: "al warn", role: "status" }, jsx("div", null, jsx("b", null, "The configured account was not accepted."), messages.map((m) => jsx("div", { key: m }, m)))) : null,
    jsx(Fault, { text: fault, id: "setup-error" }),
    jsx("div", { className: "row g12", style: { alignItems: "flex-start" } }, text("first", "First name", { auto: "given-name" }), text("last", "Last name", { auto: "family-name" })),
    text("username", "E-mail", { required: true, auto: "username", focus: true, bad: f.username && !mail && f.username.length > 5 ? "Write a whole address, like ana@company.example." : "" }),
    jsx("div", { className: "col", style: { gap: 6 } }, jsx(Password, { value: f.password, onChange: put("password"), autocomplete: "new-password", testid: "setup-password", mono: true }),
      jsx("div", { className: "row g12 sm wrap rules", "aria-live": "polite" }, RULES.map(({ label }, i) => jsx("span", { key: label, className: "row g4 " + (met[i] ? "fgs ok" : "mut") }, met[i] ? svg(12, "M20 6 9 17l-5-5") : svg(12, "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z"), label)),
        jsx("span", { className: "grow" }), jsx("span", { className: "row g4", "aria-hidden": true }, [0, 1, 2, 3].map((i) => jsx("i", { key: i, className: "meter", style: { background: i < strength ? `var(--fd-${strength > 2 ? "ok" : "warn"}-solid)` : "var(--fd-press)" } }))))),
    askToken ? text("token", "Set-up token", { required: true }) : null,
    jsx("div", { className: "row" }, jsx("span", { className: "grow" }), jsx("button", { type: "submit", className: "btn l pri", disabled: !ready || busy, "data-testid": "setup-submit" }, busy ? "Creating the account" : "Create account", svg(14, "M5 12h14M12 5l7 7-7 7"))));
}

// Log-out: the server ends the session, the browser starts afresh at the log-in page.
export function LogoutItem({ className, onLeave, children }) {
  const tenant = tenantOf(useLocation().pathname);
  return jsx("button", { type: "button", role: "menuitem", className, "data-testid": "logout", onClick: async () => {
    onLeave?.();
    forgetRights();
    try { await request("/logout", { method: "POST" }); } finally { enter(`/${tenant}/login`); }
  } }, children);
}

// Light, dark, or as the system says; the framework keeps it in localStorage under `theme`.
export function ThemeSwitch({ compact = false, children }) {
  const { rawColorMode, setColorMode } = useContext(ColorModeContext);
  const modes = ["light", "dark", "system"], words = ["Light", "Dark", "System"];
  const icons = Array.isArray(children) ? children : [];
  return jsx("div", { className: "seg", role: "radiogroup", "aria-label": "Theme" }, modes.map((m, i) => jsx("button", { key: m, type: "button", role: "radio", "aria-checked": rawColorMode === m, className: rawColorMode === m ? "on" : "", title: words[i], onClick: () => setColorMode(m), "data-testid": "theme-" + m }, icons[i], compact ? null : words[i])));
}

// What only this browser needs to know: zone, single keys, density. Told to the page for the server's copy.
export function Preferences({ zones = [], onChange, part = "zone" }) {
  const [p, setP] = useState({});
  useEffect(() => setP(store.get("fd-preferences", {})), []);
  const put = (key, value) => { const next = { ...store.get("fd-preferences", {}), [key]: value }; store.set("fd-preferences", next); setP(next); if (key === "density") document.documentElement.dataset.density = value; onChange?.({ [key]: value }); };
  if (part === "density") return jsx("div", { className: "seg", role: "radiogroup", "aria-label": "Density" }, [["", "As designed"], ["compact", "Compact"]].map(([k, w]) => jsx("button", { key: k, type: "button", role: "radio", "aria-checked": (p.density || "") === k, className: (p.density || "") === k ? "on" : "", onClick: () => put("density", k), "data-testid": "density-" + (k || "default") }, w)));
  if (part === "keys") return jsx("label", { className: "row g6 pick" }, jsx("input", { type: "checkbox", checked: p.singleKeys !== false, onChange: (e) => put("singleKeys", e.target.checked) }), "Single-key shortcuts");
  const mine = Intl.DateTimeFormat().resolvedOptions().timeZone;
  let all = zones; try { all = zones.length ? zones : Intl.supportedValuesOf("timeZone"); } catch { /* an old browser */ }
  return jsx("select", { className: "inp", value: p.zone || "", "aria-label": "Time zone", "data-testid": "settings-zone", onChange: (e) => put("zone", e.target.value) }, jsx("option", { value: "" }, `Browser (${mine})`), all.map((z) => jsx("option", { key: z, value: z }, z)));
}
// What the server keeps is copied to this browser, so that every part follows at once and the next start knows it.
const KEPT = ["language", "zone", "density", "singleKeys", "dateFormat", "hour12", "absolute", "firstDay", "chartScheme", "editorFontSize", "editorFontFamily", "editorTheme", "editorFold", "hiddenMenu", "menuOrder", "executeIn", "notifyEnd", "notifyFail", "notifySound"];
export function applyPreferences(p) {
  const root = document.documentElement.dataset;
  root.density = p.density || "";
  root.scheme = p.chartScheme || "";
  window.dispatchEvent(new CustomEvent("flowdeck:preferences"));
}
export function DensityKeeper({ settings, serverZone = "" }) {
  if (serverZone && typeof window !== "undefined") window.flowdeckServerZone = serverZone;
  const told = JSON.stringify(settings || {});
  useEffect(() => {
    const before = store.get("fd-preferences", {}), next = { ...before };
    // An empty answer is that of a reader who is not known yet: the copy stays.
    if (settings && Object.keys(settings).length) for (const key of KEPT) { if (key in settings && settings[key] !== null) next[key] = settings[key]; else if (!["zone", "density", "singleKeys"].includes(key)) delete next[key]; }
    if (JSON.stringify(next) !== JSON.stringify(before)) store.set("fd-preferences", next);
    applyPreferences(next);
    takeStars(settings?.bookmarks);
    if (settings?.tours) window.dispatchEvent(new CustomEvent("flowdeck:tours", { detail: settings.tours }));
  }, [told]);
  return null;
}

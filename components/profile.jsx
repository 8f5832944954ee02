// The reader's own account: name, password, sessions, rights. Everything is asked of the API by the browser itself.
import { useEffect, useState } from "react";
import { request, useRequest } from "../net/net.jsx";
import { Time } from "../client/clock.jsx";
import { Password } from "../client/session.jsx";

const SYSTEMS = [[/iPhone|iPad/, "iOS"], [/Android/, "Android"], [/Windows/, "Windows"], [/Mac OS X/, "macOS"], [/CrOS/, "ChromeOS"], [/Linux/, "Linux"]];
const BROWSERS = [[/Edg(e|A|iOS)?\//, "Edge"], [/OPR\//, "Opera"], [/Firefox\/|FxiOS/, "Firefox"], [/HeadlessChrome/, "Chrome"], [/Chrome\/|CriOS/, "Chrome"], [/Safari\//, "Safari"], [/curl\//, "curl"], [/python/i, "Python"]];
export function device(agent = "") {
  const find = (table) => (table.find(([pattern]) => pattern.test(agent)) || [])[1];
  const [browser, system] = [find(BROWSERS), find(SYSTEMS)];
  return browser && system ? `${browser}, ${system}` : browser || system || agent.slice(0, 40) || "Unknown device";
}
const meets = (rule, word) => { try { return new RegExp(rule.pattern, "u").test(word); } catch { return word.length > 0; } };

function Section({ title, hint, children, actions }) {
  return <section aria-label={title}>
    <header className="sec"><h2>{title}</h2><span className="grow" />{actions}</header>
    {hint ? <p className="mut sm prhint">{hint}</p> : null}
    {children}
  </section>;
}
const Said = ({ fault, done }) => fault ? <div className="al bad" role="alert" data-testid="profile-error"><span>{fault}</span></div> : done ? <div className="al ok" role="status" data-testid="profile-done"><span>{done}</span></div> : null;

function Names({ url, profile, onName, reload }) {
  const [first, setFirst] = useState(profile.firstName || ""), [last, setLast] = useState(profile.lastName || "");
  const [fault, setFault] = useState(""), [done, setDone] = useState(""), [busy, setBusy] = useState(false);
  const changed = first.trim() !== (profile.firstName || "") || last.trim() !== (profile.lastName || "");
  const save = async (event) => {
    event.preventDefault();
    if (!changed || busy) return;
    setBusy(true); setFault(""); setDone("");
    try {
      const next = await request(`${url}/profile`, { method: "PATCH", json: { firstName: first.trim(), lastName: last.trim() } });
      onName?.(next.name); setDone("Your name is saved."); reload();
    } catch (error) { setFault(error.message); }
    setBusy(false);
  };
  return <form className="col g12 prform" onSubmit={save}>
    <div className="row g12 wrap prnames">
      <div className="fld grow"><label htmlFor="profile-first">First name</label><div className="inp l"><input id="profile-first" value={first} maxLength={100} autoComplete="given-name" data-testid="profile-first" onChange={(e) => setFirst(e.target.value)} /></div></div>
      <div className="fld grow"><label htmlFor="profile-last">Last name</label><div className="inp l"><input id="profile-last" value={last} maxLength={100} autoComplete="family-name" data-testid="profile-last" onChange={(e) => setLast(e.target.value)} /></div></div>
    </div>
    <div className="fld"><span className="lbl">E-mail</span><span className="mono brk" data-testid="profile-email">{profile.email}</span><span className="hint">It is the name of the account and cannot be changed here.</span></div>
    <Said fault={fault} done={done} />
    <div className="row"><button type="submit" className="btn pri" disabled={!changed || busy} data-testid="profile-save">{busy ? "Saving" : "Save name"}</button></div>
  </form>;
}

// The rules as the API words them, for the reader's language.
const RULES = [{ value: "8 characters", label: "8 characters" }, { value: "upper and lower case", label: "upper and lower case" }, { value: "a digit", label: "a digit" }, { value: "no blank at either end", label: "no blank at either end" }, { value: "the rule of this server", label: "the rule of this server" }];

function ChangePassword({ url, profile, reload }) {
  const { changeable, rules = [], changed } = profile.password || {};
  const [current, setCurrent] = useState(""), [password, setPassword] = useState(""), [again, setAgain] = useState("");
  const [fault, setFault] = useState(""), [done, setDone] = useState(""), [busy, setBusy] = useState(false);
  if (!changeable) return <div className="al" role="note" data-testid="profile-fixed"><span>The configuration of this server sets your password, under <span className="mono">kestra.server.basic-auth</span>. It is changed there.</span></div>;
  const met = rules.map((rule) => meets(rule, password));
  const ready = current && password && met.every(Boolean) && again === password;
  const save = async (event) => {
    event.preventDefault();
    if (!ready || busy) return;
    setBusy(true); setFault(""); setDone("");
    try {
      const { ended } = await request(`${url}/password`, { method: "PUT", json: { current, password } });
      setCurrent(""); setPassword(""); setAgain("");
      setDone(ended ? (ended === 1 ? "Your password is changed. One other session ended." : `Your password is changed. ${ended} other sessions ended.`) : "Your password is changed.");
      reload();
    } catch (error) { setFault(error.status === 422 ? "The present password is wrong." : error.status === 429 ? "Too many tries. Wait a minute and try again." : error.message); }
    setBusy(false);
  };
  return <form className="col g12 prform" onSubmit={save}>
    {changed ? <p className="mut sm">Last changed <Time value={changed} /></p> : null}
    <input type="text" className="vh" autoComplete="username" value={profile.email} readOnly tabIndex={-1} aria-hidden="true" />
    <Password label="Present password" value={current} onChange={setCurrent} testid="profile-current" />
    <Password label="New password" value={password} onChange={setPassword} autocomplete="new-password" testid="profile-password" mono />
    <ul className="row g12 sm wrap rules" aria-live="polite" aria-label="Rules of a password">{rules.map((rule, i) => <li key={rule.text} className={"row g4 " + (password && met[i] ? "fgs ok" : "mut")} data-met={Boolean(password && met[i])}><span aria-hidden="true">{password && met[i] ? "✓" : "○"}</span>{RULES.find((one) => one.value === rule.text)?.label || rule.text}<span className="vh">{password && met[i] ? "fulfilled" : "not yet"}</span></li>)}</ul>
    <Password label="New password again" value={again} onChange={setAgain} autocomplete="new-password" testid="profile-again" error={again && !password.startsWith(again)} mono />
    {again && !password.startsWith(again) ? <span className="er" role="alert">The two differ.</span> : null}
    <Said fault={fault} done={done} />
    <div className="row"><button type="submit" className="btn pri" disabled={!ready || busy} data-testid="profile-change">{busy ? "Changing" : "Change password"}</button></div>
  </form>;
}

function Sessions({ list, error, end, asked, ask }) {
  if (error) return <div className="al bad" role="alert"><span>{error.message}</span></div>;
  if (!list) return <div className="col g8" aria-hidden="true"><span className="skb" /><span className="skb" /></div>;
  if (!list.length) return <p className="mut">You came without a session, by name and password in each request.</p>;
  return <div className="tw" tabIndex={0} role="region" aria-label="Sessions"><table className="prsess">
    <thead><tr><th scope="col">Device</th><th scope="col" className="hide-s">Address</th><th scope="col" className="hide-s">Since</th><th scope="col">Last used</th><th scope="col"><span className="vh">End</span></th></tr></thead>
    <tbody>{list.map((one) => <tr key={one.id} data-testid="profile-session">
      <td title={one.browser}><span className="row g6"><span className="med">{device(one.browser)}</span>{one.current ? <span className="chip ok"><span>this one</span></span> : null}</span></td>
      <td className="mono hide-s">{one.address || "unknown"}</td>
      <td className="hide-s"><Time value={one.created} /></td>
      <td><Time value={one.lastSeen} /></td>
      <td className="num">{one.current ? null : asked === one.id
        ? <span className="row g4 end"><button type="button" className="btn s dan" autoFocus onClick={() => end(one.id)} data-testid="profile-end-yes">End it</button><button type="button" className="btn s" onClick={() => ask("")}>Keep</button></span>
        : <button type="button" className="btn s" onClick={() => ask(one.id)} aria-label={`End the session of ${device(one.browser)}`} data-testid="profile-end">End</button>}</td>
    </tr>)}</tbody>
  </table></div>;
}

const ACTIONS = ["READ", "CREATE", "UPDATE", "DELETE"];
const WORD = { READ: "Read", CREATE: "Create", UPDATE: "Update", DELETE: "Delete" };
function Rights({ rights, tenant }) {
  const held = {};
  for (const right of rights) {
    const [name, where = ""] = right.split("@"), [kind, action] = name.split(":");
    ((held[kind] ||= {})[action] ||= []).push(where);
  }
  const kinds = Object.keys(held).sort(), all = kinds.length > 0 && kinds.every((kind) => ACTIONS.every((action) => held[kind][action]?.includes("")));
  return <div className="col g8">
    <p className="mut sm" data-testid="profile-role">{all ? "You may do everything in the tenant " : "What you may do in the tenant "}<span className="mono">{tenant}</span>.</p>
    <details open={!all}><summary className="sm">Rights by kind</summary>
      <div className="tw" tabIndex={0} role="region" aria-label="Rights"><table className="prrights"><thead><tr><th scope="col">Kind</th>{ACTIONS.map((a) => <th key={a} scope="col">{WORD[a]}</th>)}</tr></thead>
        <tbody>{kinds.map((kind) => <tr key={kind}><th scope="row" className="mono">{kind}</th>{ACTIONS.map((action) => { const where = held[kind][action]; return <td key={action}>{!where ? <span className="faint"><span aria-hidden="true">–</span><span className="vh">no</span></span> : where.includes("") ? <span className="fgs ok"><span aria-hidden="true">✓</span><span className="vh">yes</span></span> : <span className="mono sm brk">{where.join(", ")}</span>}</td>; })}</tr>)}</tbody></table></div>
    </details>
  </div>;
}

export function Profile({ url, tenant, rights = [], onName }) {
  const { data: profile, error, reload } = useRequest(`${url}/profile`);
  const sessions = useRequest(`${url}/sessions`);
  const [asked, setAsked] = useState(""), [fault, setFault] = useState(""), [said, setSaid] = useState("");
  useEffect(() => { if (sessions.data && asked && !sessions.data.some((one) => one.id === asked)) setAsked(""); }, [sessions.data, asked]);
  const ending = (id) => async () => {
    setFault(""); setSaid("");
    try {
      const answer = await request(id ? `${url}/sessions/${id}` : `${url}/sessions`, { method: "DELETE" });
      setSaid(id ? "The session ended." : answer?.ended === 1 ? "One session ended." : `${answer?.ended ?? 0} sessions ended.`);
    } catch (e) { if (e.status !== 404) setFault(e.message); }
    setAsked(""); sessions.reload();
  };
  const others = (sessions.data || []).filter((one) => !one.current).length;
  if (error && !profile) return <div className="settings"><div className="al bad" role="alert"><span className="grow">{error.message}</span><button type="button" className="btn s" onClick={reload}>Retry</button></div></div>;
  if (!profile) return <div className="settings" aria-busy="true"><span className="skb" /><span className="skb" /><span className="skb" /></div>;
  const both = () => { reload(); sessions.reload(); };
  return <div className="settings profile" data-testid="profile">
    <Section title="You"><Names key={profile.email} url={url} profile={profile} onName={onName} reload={reload} /></Section>
    <Section title="Password"><ChangePassword url={url} profile={profile} reload={both} /></Section>
    <Section title="Sessions" hint="Where you are logged in. A session also ends by itself when it is not used for long."
      actions={others ? (asked === "*" ? <span className="row g4"><button type="button" className="btn s dan" autoFocus onClick={ending("")} data-testid="profile-end-others-yes">{others === 1 ? "End the other one" : `End ${others} others`}</button><button type="button" className="btn s" onClick={() => setAsked("")}>Keep</button></span> : <button type="button" className="btn s" onClick={() => setAsked("*")} data-testid="profile-end-others">End all others</button>) : null}>
      <Said fault={fault} done={said} />
      <Sessions list={sessions.data} error={sessions.data ? null : sessions.error} asked={asked} ask={setAsked} end={(id) => ending(id)()} />
    </Section>
    <Section title="Rights"><Rights rights={rights} tenant={tenant} /></Section>
    <Section title="Programs" hint="Scripts and clients of the API use the same e-mail and password, as Basic authentication. Tokens of their own belong to the enterprise edition." />
  </div>;
}

// A heat map of executions by day and hour in the reader's zone; scheduled dates to come are outlined.
import { useMemo, useState } from "react";
import { useLocation, useNavigate } from "react-router";
import { useRequest } from "$/public/external/components/net/net.jsx";
import { Icon, Problem, STATE_ORDER, count, familyOf, plural, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import "./run_views.css";
import { dateLocale } from "$/public/external/components/language/language.jsx";

const HOUR = 3600000;
const zoneOf = () => {
  try {
    return JSON.parse(localStorage.getItem("fd-preferences") || "{}").zone || undefined;
  } catch {
    return undefined;
  }
};
const TRAITS = [["all", "All"], ["bad", "Failed"], ["live", "Running"]];

export function RunCalendar({ url, reload = 0 }) {
  const { data, error, reload: again } = useRequest(`${url}${url.includes("?") ? "&" : "?"}turn=${reload}`, { retries: 1 });
  const [trait, setTrait] = useState("all");
  const [tip, setTip] = useState(null);
  const navigate = useNavigate();
  const { pathname, search } = useLocation();
  const parts = useMemo(() => {
    const format = new Intl.DateTimeFormat("en-CA", { timeZone: zoneOf(), year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", hourCycle: "h23" });
    return (ms) => {
      const p = Object.fromEntries(format.formatToParts(ms).map((x) => [x.type, x.value]));
      return [`${p.year}-${p.month}-${p.day}`, Number(p.hour)];
    };
  }, []);
  const days = useMemo(() => {
    if (!data) return [];
    const found = new Map();
    const cell = (ms) => {
      const [day, hour] = parts(ms);
      if (!found.has(day)) found.set(day, Array.from({ length: 24 }, () => null));
      const row = found.get(day);
      row[hour] ||= { at: ms, n: 0, states: {}, ahead: 0, names: [] };
      return row[hour];
    };
    const end = Math.max(Date.parse(data.end), ...(data.ahead.length ? [data.ahead[data.ahead.length - 1][0]] : [0]));
    for (let t = Date.parse(data.start); t <= end; t += HOUR) {
      const [day] = parts(t);
      if (!found.has(day)) found.set(day, Array.from({ length: 24 }, () => null));
    }
    for (const [ms, states] of data.hours) {
      const c = cell(ms);
      for (const [state, n] of Object.entries(states)) {
        c.states[state] = (c.states[state] || 0) + n;
        c.n += n;
      }
    }
    for (const [ms, n, names] of data.ahead) {
      const c = cell(ms);
      c.ahead += n;
      c.names.push(...names);
    }
    return [...found].sort((a, b) => (a[0] < b[0] ? 1 : -1));
  }, [data, parts]);
  if (error) return <Problem error={error} what="The calendar could not be loaded." retry={again} />;
  if (!data) return <div className="rt" aria-busy="true"><div className="skb">{[0, 1, 2, 3, 4].map((n) => <div key={n} className="skr"><i className="sk" style={{ width: 80 }} /><i className="sk" style={{ flex: 1 }} /></div>)}</div></div>;
  const value = (c) => (!c ? 0 : trait === "all" ? c.n : Object.entries(c.states).reduce((n, [s, k]) => n + (familyOf(s) === trait ? k : 0), 0));
  const top = Math.max(1, ...days.flatMap(([, row]) => row.map(value)));
  const totals = data.hours.reduce((n, [, states]) => n + Object.values(states).reduce((a, b) => a + b, 0), 0);
  const coming = data.ahead.reduce((n, [, k]) => n + k, 0);
  const [today, hourNow] = parts(Date.now());
  const open = (c) => {
    if (!c?.n) return;
    const query = new URLSearchParams(search);
    for (const key of [...query.keys()]) if (/^filters\[(timeRange|startDate|endDate)\]/.test(key) || ["view", "page", "own"].includes(key)) query.delete(key);
    query.append("filters[startDate][GREATER_THAN_OR_EQUAL_TO]", new Date(c.at).toISOString());
    query.append("filters[startDate][LESS_THAN_OR_EQUAL_TO]", new Date(c.at + HOUR - 1).toISOString());
    navigate(`${pathname}?${query}`);
  };
  const words = (c, day, hour) => (c?.n ? `${day} ${hour}:00, ${plural(c.n, "execution")}${c.states.FAILED ? `, ${c.states.FAILED} failed` : ""}` : c?.ahead ? `${day} ${hour}:00, ${plural(c.ahead, "scheduled run")}` : `${day} ${hour}:00, none`);
  return (
    <div className="rt" data-testid="run-calendar">
      <div className="rtt">
        <div className="seg" role="group" aria-label="What is counted">{TRAITS.map(([key, word]) => <button key={key} type="button" className={trait === key ? "on" : ""} aria-pressed={trait === key} onClick={() => setTrait(key)}>{word}</button>)}</div>
        <span className="sm mut num">{plural(totals, "execution")}{coming ? `, ${count(coming)}${data.truncated ? "+" : ""} scheduled in the next 7 days` : ""}</span>
        <span className="grow" />
        <span className="row g4 xs mut"><span>0</span>{[0.15, 0.4, 0.7, 1].map((share) => <i key={share} className="rck" style={{ "--share": share }} />)}<span className="num">{count(top)}</span></span>
        <span className="row g4 xs mut"><i className="rck ahead" />scheduled</span>
      </div>
      <div className="rcs" tabIndex={0} role="region" aria-label="Executions by day and hour">
        <table className="rc">
          <thead><tr><th scope="col">Day</th>{Array.from({ length: 24 }, (_, h) => <th key={h} scope="col" className="num">{h % 3 ? <span className="vh">{h}</span> : h}</th>)}<th scope="col" className="num">Total</th></tr></thead>
          <tbody>
            {days.map(([day, row]) => {
              const date = new Date(`${day}T12:00:00Z`);
              const sum = row.reduce((n, c) => n + value(c), 0);
              return (
                <tr key={day} className={day === today ? "now" : ""}>
                  <th scope="row">{date.toLocaleDateString(dateLocale(), { weekday: "short", day: "numeric", month: "short", timeZone: "UTC" })}</th>
                  {row.map((c, hour) => {
                    const n = value(c);
                    const failed = c?.states.FAILED;
                    return (
                      <td key={hour} className={day === today && hour === hourNow ? "here" : ""}>
                        <button type="button" className={`rcc${n ? " on" : ""}${!n && c?.ahead ? " ahead" : ""}${failed && trait === "all" ? " failed" : ""} ${trait}`} style={n ? { "--share": 0.15 + 0.85 * Math.sqrt(n / top) } : undefined} disabled={!c?.n} tabIndex={c?.n ? 0 : -1}
                          aria-label={words(c, day, hour)} onClick={() => open(c)} onMouseEnter={(e) => c && setTip({ c, day, hour, x: e.clientX, y: e.clientY })} onMouseLeave={() => setTip(null)} onFocus={(e) => { const b = e.target.getBoundingClientRect(); if (c) setTip({ c, day, hour, x: b.right, y: b.bottom }); }} onBlur={() => setTip(null)} data-testid="calendar-cell">
                          {!n && c?.ahead ? c.ahead : ""}
                        </button>
                      </td>
                    );
                  })}
                  <td className="num rct">{sum ? count(sum) : ""}</td>
                </tr>
              );
            })}
          </tbody>
        </table>
        {days.length ? null : <div className="empty"><Icon name="calendar-days" /><h2>No executions</h2></div>}
      </div>
      {tip ? (
        <div className="rttip" role="tooltip" style={{ left: Math.min(tip.x + 12, window.innerWidth - 270), top: Math.min(tip.y + 14, window.innerHeight - 160) }}>
          <b>{tip.day} {String(tip.hour).padStart(2, "0")}:00</b>
          {STATE_ORDER.filter((s) => tip.c.states[s]).map((s) => <span key={s} className={`fgs ${familyOf(s)}`}>{count(tip.c.states[s])} {stateWord(s)}</span>)}
          {tip.c.ahead ? <span className="mut">{plural(tip.c.ahead, "scheduled run")}: {[...new Set(tip.c.names)].slice(0, 4).join(", ")}</span> : null}
        </div>
      ) : null}
    </div>
  );
}

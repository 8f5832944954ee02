// Starts of the schedules: a row a day, a column an hour of the reader's zone; the darker, the more.
import { useEffect, useState } from "react";
import { request, isAbort } from "$/public/external/components/net/net.jsx";
import { Problem } from "$/public/external/components/glyphs/glyphs.jsx";
import { AppLink } from "$/public/external/components/client/shell.jsx";
import { readerZone } from "$/public/external/components/chart/chart_time.jsx";
import { dateLocale, numberLocale } from "$/public/external/components/language/language.jsx";

const HOUR = 3600000;

export function WeekGrid({ url, reload }) {
  const [week, setWeek] = useState(null), [problem, setProblem] = useState(null), [turn, setTurn] = useState(0), [at, setAt] = useState(null);
  useEffect(() => {
    if (!url) return undefined;
    const abort = new AbortController();
    request(url, { signal: abort.signal }).then((got) => { setWeek(got); setProblem(null); }, (e) => isAbort(e) || setProblem(e));
    return () => abort.abort();
  }, [url, reload, turn]);
  if (problem && !week) return <Problem error={problem} what="The calendar could not be loaded." retry={() => setTurn(turn + 1)} />;
  if (!week) return <div className="skb" aria-busy="true" aria-label="Loading" role="status">{[1, 2, 3, 4, 5, 6, 7].map((i) => <div key={i} className="skr"><i className="sk" style={{ width: "96%" }} /></div>)}</div>;
  const zone = readerZone() || Intl.DateTimeFormat().resolvedOptions().timeZone;
  const parts = new Intl.DateTimeFormat(dateLocale(), { timeZone: zone, weekday: "short", day: "numeric", month: "short", hour: "2-digit", hourCycle: "h23" });
  const clock = new Intl.DateTimeFormat(dateLocale(), { timeZone: zone, weekday: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const from = Date.parse(week.from), most = Math.max(1, ...week.hours);
  const days = new Map();
  week.hours.forEach((n, i) => {
    const ms = from + i * HOUR, p = Object.fromEntries(parts.formatToParts(ms).map((x) => [x.type, x.value]));
    const day = `${p.weekday} ${p.day} ${p.month}`;
    if (!days.has(day)) days.set(day, Array(24).fill(null));
    days.get(day)[Number(p.hour)] = { n: (days.get(day)[Number(p.hour)]?.n || 0) + n, ms };
  });
  const total = week.hours.reduce((a, b) => a + b, 0);
  const names = new Map(week.triggers.map((t) => [`${t.namespace}.${t.flowId}.${t.triggerId}`, `${t.namespace}/${t.flowId}/${t.triggerId}`]));
  const met = week.collisions.filter((c) => at === null || Math.floor(Date.parse(c.at) / HOUR) * HOUR === at);
  return (
    <div className="wkg">
      <p className="mut sm">{total.toLocaleString(numberLocale())} starts of {`${week.triggers.length} schedule${week.triggers.length === 1 ? "" : "s"}`}{week.complete ? "" : "; there are more than could be counted"}. <span>Hours of {zone}</span></p>
      <div className="wkt"><table aria-label="Starts by day and hour">
        <thead><tr><th scope="col"><span className="vh">Day</span></th>{Array.from({ length: 24 }, (_, h) => <th key={h} scope="col">{h % 3 ? <span className="vh">{h}</span> : String(h).padStart(2, "0")}</th>)}</tr></thead>
        <tbody>{[...days].map(([day, hours]) => <tr key={day}><th scope="row">{day}</th>{hours.map((c, h) => <td key={h} className={c ? (at === c.ms ? "on" : "") : "off"} title={c ? `${day}, ${String(h).padStart(2, "0")}:00: ${c.n} starts` : undefined} onClick={() => c && setAt(at === c.ms ? null : c.ms)} style={c?.n ? { background: `color-mix(in srgb, var(--fd-accent) ${Math.round(8 + 42 * Math.sqrt(c.n / most))}%, transparent)` } : undefined}>{c?.n ? <button type="button" style={{ width: "100%", height: "100%", padding: 0 }} aria-pressed={at === c.ms} aria-label={`${day}, ${String(h).padStart(2, "0")}:00, ${c.n} starts`}>{c.n}</button> : ""}</td>)}</tr>)}</tbody>
      </table></div>
      <div className="wk2">
        <section><h2 className="sec">Busiest minutes</h2>
          {met.map((c) => (
            <div key={c.at} className="wkl"><time className="num med">{clock.format(Date.parse(c.at))}</time><b className="num">{c.count}</b><span className="mut sm ell" title={c.triggers.map((one) => names.get(one) || one).join("\n")}>{c.triggers.map((one) => names.get(one) || one).join(", ")}</span></div>
          ))}
          {met.length ? null : <p className="mut sm">No two schedules meet{at === null ? "" : " in this hour"}.</p>}
        </section>
        <section><h2 className="sec">By schedule</h2>
          {week.triggers.slice(0, 100).map((t) => (
            <div key={t.namespace + t.flowId + t.triggerId} className="wkl"><time className="num med">{clock.format(Date.parse(t.next[0]))}</time><b className="num">{t.count.toLocaleString(numberLocale())}</b>
              <AppLink to={`/flows/edit/${t.namespace}/${t.flowId}/triggers`} className="ell"><span className="ns">{t.namespace}/{t.flowId}/</span><span className="id">{t.triggerId}</span></AppLink><span className="mono faint nw">{t.cron}</span></div>
          ))}
          {week.triggers.length ? null : <p className="mut sm">No schedule is on.</p>}
        </section>
      </div>
    </div>
  );
}

// What became of a flow's executions day by day: one bar a day, stacked by state, today at the right.
import { count, familyOf, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { dateLocale, languageNow } from "$/public/external/components/language/language.jsx";

const ORDER = ["ok", "warn", "hold", "stop", "shut", "bad"]; // from below: what failed is on top

export function DayBars({ days = [], length = 30, height = 20, label, onPick }) {
  const first = Date.now() - (length - 1) * 86400000;
  const dates = Array.from({ length }, (_, i) => new Date(first + i * 86400000).toISOString().slice(0, 10));
  const held = new Map((days || []).map((one) => [one.day, one]));
  const top = Math.max(1, ...(days || []).map((one) => one.total));
  const step = 4;
  const told = (day) => new Date(`${day}T00:00:00`).toLocaleDateString(languageNow() === "en" ? undefined : dateLocale(), { day: "numeric", month: "short" });
  return (
    <svg width={length * step} height={height} viewBox={`0 0 ${length * step} ${height}`} role="img" aria-label={label} style={{ display: "block" }} data-testid="day-bars">
      {dates.map((day, i) => {
        const one = held.get(day);
        if (!one) return <rect key={day} x={i * step} y={height - 1} width={step - 1} height="1" fill="var(--fd-line-2)" />;
        const parts = {};
        for (const [state, n] of Object.entries(one.states)) parts[familyOf(state)] = (parts[familyOf(state)] || 0) + n;
        let y = height;
        const words = `${told(day)}: ${Object.entries(one.states).map(([state, n]) => `${count(n)} ${stateWord(state)}`).join(", ")}; ⌀ ${span(Math.round(one.durationMs / Math.max(1, one.total)))}`;
        return (
          <g key={day} onClick={onPick ? (event) => { event.stopPropagation(); event.preventDefault(); onPick(day); } : undefined} style={onPick ? { cursor: "pointer" } : undefined}>
            <title>{words}</title>
            <rect x={i * step} y="0" width={step} height={height} fill="transparent" />
            {ORDER.filter((family) => parts[family]).map((family) => {
              const h = Math.max(1, (parts[family] / top) * height);
              y -= h;
              return <rect key={family} x={i * step} y={Math.max(0, y)} width={step - 1} height={h} fill={`var(--fd-${family}-solid)`} opacity={family === "ok" ? 0.82 : 1} />;
            })}
          </g>
        );
      })}
    </svg>
  );
}

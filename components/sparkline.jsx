// The last runs of a flow: one bar each, height by duration, colour and cap by state.
import { familyOf, span, stateWord } from "$/public/external/components/glyphs/glyphs.jsx";
import { dateLocale, languageNow } from "$/public/external/components/language/language.jsx";

export function Sparkline({ runs = [], slots = 14, width, height = 20, label, onPick }) {
  const shown = (runs || []).slice(-slots);
  const step = 6;
  const bar = 4;
  const full = slots * step - (step - bar);
  const top = Math.max(1, ...shown.map((run) => run[3] || 0));
  const failed = shown.filter((run) => familyOf(run[1]) === "bad").length;
  const words = label || (shown.length ? `${shown.length} runs, ${failed} failed` : "no run yet");
  return (
    <svg width={width || full} height={height} viewBox={`0 0 ${full} ${height}`} preserveAspectRatio={width > full ? "none" : undefined} role="img" aria-label={words} style={{ display: "block", overflow: "visible" }} data-testid="sparkline">
      {shown.length ? null : <line x1="0" x2={full} y1={height - 1} y2={height - 1} stroke="var(--fd-line-2)" strokeDasharray="2 2" />}
      {shown.map(([id, state, started, duration], i) => {
        const family = familyOf(state);
        const bad = family === "bad";
        const room = height - 4; // the caps have the top
        const h = Math.max(2, Math.round(((duration || 0) / top) * room));
        const x = (slots - shown.length + i) * step;
        return (
          <g key={id || i} onClick={onPick ? (event) => { event.stopPropagation(); event.preventDefault(); onPick(id); } : undefined} style={onPick ? { cursor: "pointer" } : undefined}>
            <title>{`${stateWord(state)}${duration ? `, ${span(duration)}` : ""}${started ? `, ${new Date(started).toLocaleString(languageNow() === "en" ? undefined : dateLocale())}` : ""}`}</title>
            <rect x={x - 1} y="0" width={step} height={height} fill="transparent" />
            <rect x={x} y={height - h} width={bar} height={h} fill={`var(--fd-${family}-solid)`} opacity={family === "ok" ? 0.82 : 1} />
            {bad ? <rect x={x - 1} y={Math.max(0, height - h - 3)} width={bar + 2} height="2" fill="var(--fd-bad-solid)" /> : null}
          </g>
        );
      })}
    </svg>
  );
}

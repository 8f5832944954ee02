// How many lines an execution has, counted on by the tab's stream.
import { useExecution } from "$/public/external/components/stream/stream.jsx";
import { numberLocale } from "$/public/external/components/language/language.jsx";

export function LogCount({ execution, start = 0 }) {
  const store = useExecution(execution);
  const total = Math.max(store.logTotal || 0, start || 0);
  return total ? <>{total.toLocaleString(numberLocale())}</> : null;
}

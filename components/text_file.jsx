// A small file is read by the browser and given as text: values of secrets, imports of settings.
import { useRef, useState } from "react";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";

export function TextFile({ label = "Choose a file", accept, most = 1000000, testid, onText }) {
  const box = useRef(null);
  const [told, setTold] = useState("");
  const read = async (event) => {
    const file = event.target.files?.[0];
    event.target.value = "";
    if (!file) return;
    if (file.size > most) { setTold(`${file.name} has more than ${Math.round(most / 1000)} kB.`); return; }
    const text = await file.text();
    if (text.includes("\u0000")) { setTold(`${file.name} is not text.`); return; }
    setTold(file.name);
    onText?.({ name: file.name, text });
  };
  return (
    <div className="row g6">
      <button type="button" className="btn s" onClick={() => box.current?.click()}><Icon name="upload" size={12} />{label}</button>
      <span className="mut sm ell" role="status">{told}</span>
      <input ref={box} type="file" accept={accept} hidden onChange={read} data-testid={testid} aria-label={label} />
    </div>
  );
}

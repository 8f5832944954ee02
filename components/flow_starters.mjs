// What a new flow begins with: a sample, a copy, a blueprint, or the example of a plugin (UI-ED-04, UI-BP-01, UI-PL-02).

export const sample = (name, namespace) => `id: ${name}
namespace: ${namespace}

tasks:
  - id: hello
    type: io.kestra.plugin.core.log.Log
    message: Hello from {{ flow.id }}
`;

// Namespace and id that a source declares at its top; empty texts where it declares none.
export function namesOf(source) {
  const word = (key) => new RegExp(`^${key}:[ \\t]*["']?([^\\s"'#]+)`, "m").exec(source)?.[1] || "";
  return { namespace: word("namespace"), id: word("id") };
}

// The source with another id or namespace at its top.
export function renamed(source, names) {
  let text = source;
  for (const [key, word] of Object.entries(names)) if (word) text = text.replace(new RegExp(`^${key}:.*$`, "m"), () => `${key}: ${word}`);
  return text;
}

// Whether an example is a whole flow, not a part of one.
export const whole = (text) => /^id:/m.test(text) && /^tasks:/m.test(text);

const indent = (text) => text.replace(/^(?=.*\S)/gm, "  ");

function dedent(text) {
  const lines = text.split("\n");
  const depth = Math.min(...lines.filter((line) => line.trim()).map((line) => /^[ \t]*/.exec(line)[0].length));
  return lines.map((line) => (line.trim() ? line.slice(depth) : "")).join("\n");
}

// A flow that holds an example of a task or trigger: a mapping or a list of one, as the documentation shows it.
export function flowAround(text, section, name, namespace) {
  let inner = dedent(text).replace(/^\n+|\n+$/g, "");
  if (!/^(tasks|triggers|conditions):/.test(inner)) {
    if (!inner.startsWith("- ")) inner = `- ${inner.replaceAll("\n", "\n  ")}`;
    inner = `${section}:\n${indent(inner)}`;
  }
  const head = `id: ${name}\nnamespace: ${namespace}\n\n`;
  if (!inner.startsWith("triggers:")) return `${head}${inner}\n`;
  return `${head}tasks:\n  - id: hello\n    type: io.kestra.plugin.core.log.Log\n    message: Started by {{ trigger.id }}\n\n${inner}\n`;
}

// The flow around an example of a plugin; `page` is what the API tells of its class.
export function exampleOf(page, { cls, example, name, namespace }) {
  const listed = page?.schema?.properties?.$examples;
  const examples = (Array.isArray(listed) ? listed : []).filter((one) => one && typeof one === "object");
  const code = example < examples.length ? String(examples[example].code || "") : `id: example\ntype: ${cls}`;
  if (whole(code)) return code;
  const triggers = cls.toLowerCase().includes(".trigger.") || cls.endsWith("Trigger");
  return flowAround(code, triggers ? "triggers" : "tasks", name, namespace);
}

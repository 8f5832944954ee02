// Tabs of open files: icon of the kind, dirty dot, and a menu that closes one, the others, those at the right or all.
import { useRef } from "react";
import { Icon } from "$/public/external/components/glyphs/glyphs.jsx";
import { MenuItem, Popover } from "$/public/external/components/client/overlay.jsx";
import { iconOf } from "$/public/external/components/file_tree/file_tree.jsx";

export const TAB = "application/x-flowdeck-tab";

// `tabs`: [{path, key}], `files`: path -> {dirty}. `split` offers the side. The list of tabs owns them by name: the
// buttons that close stand beside each, and a list of tabs may hold nothing else.
export function FileTabs({ label, id, tabs, on, files, split = false, onShow, onSide, onClose, onDrag }) {
  const host = useRef(null);
  const asked = useRef(false);
  const name = (tab) => `tab-${id}-${tab.path}`.replace(/[^\w-]/g, (c) => `_${c.codePointAt(0)}`);
  const keys = (event, tab, at) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: tabs.length - 1 }[event.key];
    if (event.key === "Delete") { event.preventDefault(); onClose([tab]); } else if (tabs[to]) { event.preventDefault(); host.current.querySelectorAll("[role=tab]")[to]?.focus(); }
  };
  const menu = (event) => {
    event.preventDefault();
    asked.current = true;
    event.currentTarget.querySelector("[role=tab]").click();
    asked.current = false;
  };
  return (
    <div className="etl" ref={host}>
      <span role="tablist" aria-label={label} aria-owns={tabs.map(name).join(" ")} />
      {tabs.map((tab, at) => {
        const file = tab.path.split("/").pop();
        const here = tab.path === on;
        return (
          <span key={tab.path} className={here ? "et on" : "et"} onContextMenu={menu} draggable={Boolean(onDrag)}
            onDragStart={(event) => { event.dataTransfer.setData(TAB, tab.path); event.dataTransfer.effectAllowed = "move"; setTimeout(() => onDrag(tab), 0); }} onDragEnd={() => onDrag?.(null)}>
            <Popover label={`Actions on ${file}`} menu>
              <button type="button" role="tab" id={name(tab)} aria-selected={here} tabIndex={here ? 0 : -1} title={tab.path} data-panel={id} data-testid="files-tab" data-tab={tab.path}
                onClick={(event) => { if (asked.current) return; event.stopPropagation(); onShow(tab); }} onKeyDown={(event) => keys(event, tab, at)}>
                <Icon name={iconOf(file)} size={12} />{file}{files.get(tab.path)?.dirty ? <i className="dirty" role="img" aria-label="Not saved" title="Not saved" /> : null}
              </button>
              {onSide ? <MenuItem keys="Ctrl \" testid="tab-side" disabled={!split} reason="no room" onSelect={() => onSide(tab)}>Open to the side</MenuItem> : null}
              <MenuItem keys="Del" testid="tab-close" onSelect={() => onClose([tab])}>Close</MenuItem>
              <MenuItem testid="tab-close-others" disabled={tabs.length < 2} onSelect={() => onClose(tabs.filter((one) => one !== tab))}>Close others</MenuItem>
              <MenuItem testid="tab-close-right" disabled={at === tabs.length - 1} onSelect={() => onClose(tabs.slice(at + 1))}>Close to the right</MenuItem>
              <MenuItem testid="tab-close-all" onSelect={() => onClose(tabs)}>Close all</MenuItem>
            </Popover>
            <button type="button" className="x" tabIndex={here ? 0 : -1} aria-label={`Close ${file}`} title="Close the tab" data-panel={id} data-testid="files-close" onClick={() => onClose([tab])}><Icon name="x" size={12} /></button>
          </span>
        );
      })}
    </div>
  );
}

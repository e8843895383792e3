// What the pages do beyond HTML: keys, live updates, local times. Everything works without it.
"use strict";
(() => {
  const typing = (el) => el && (el.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(el.tagName));
  const visible = (el) => el && el.offsetParent !== null;

  // One key acts on the element that names it: data-key="a" is clicked or focused.
  let pending = "";
  document.addEventListener("keydown", (e) => {
    if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
    if (e.key === "Escape") {
      document.querySelectorAll("details.who[open]").forEach((d) => { d.open = false; d.querySelector("summary").focus(); });
      if (typing(document.activeElement)) document.activeElement.blur();
      return;
    }
    if (typing(e.target)) return;
    const chord = pending ? pending + " " + e.key : e.key;
    pending = "";
    if (chord === "j" || chord === "k") { walk(chord === "j" ? 1 : -1); e.preventDefault(); return; }
    const el = [...document.querySelectorAll("[data-key]")].find((x) => x.dataset.key === chord && visible(x));
    if (el) {
      e.preventDefault();
      if (typing(el)) { el.focus(); if (el.select) el.select(); } else el.click();
      return;
    }
    if (e.key === "g") { pending = "g"; setTimeout(() => { pending = ""; }, 1200); }
  });

  // j and k go through the rows of the page's list.
  function walk(step) {
    const rows = [...document.querySelectorAll("[data-row] a:first-of-type, a[data-row]")].filter(visible);
    if (!rows.length) return;
    const at = rows.indexOf(document.activeElement);
    const next = rows[Math.min(Math.max(at < 0 ? (step > 0 ? 0 : rows.length - 1) : at + step, 0), rows.length - 1)];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  // A menu closes when the focus leaves it.
  document.addEventListener("focusout", (e) => {
    const d = e.target.closest && e.target.closest("details.who[open]");
    if (d && e.relatedTarget && !d.contains(e.relatedTarget)) d.open = false;
  });
  document.addEventListener("click", (e) => {
    document.querySelectorAll("details.who[open]").forEach((d) => { if (!d.contains(e.target)) d.open = false; });
    const copy = e.target.closest && e.target.closest("[data-copy]");
    if (copy && navigator.clipboard) {
      navigator.clipboard.writeText(copy.dataset.copy).then(() => say("Copied."), () => say("The browser does not allow copying."));
    }
  });

  // What changed is said to screen readers, too.
  function say(text) {
    const el = document.getElementById("said");
    if (el) el.textContent = text;
  }

  // Live updates: the server names what changed, and elements that listen fetch themselves anew. The
  // connection is held only while the page is looked at.
  const live = document.body.dataset.live;
  let source = null;
  let soon = 0;
  const touched = new Set();
  function tell() {
    soon = 0;
    for (const name of touched) if (window.htmx) window.htmx.trigger(document.body, "live:" + name);
    touched.clear();
  }
  function listen() {
    if (!live || document.hidden || source) return;
    source = new EventSource(live);
    source.addEventListener("changed", (e) => {
      for (const name of e.data.split(" ")) touched.add(name);
      if (!soon) soon = setTimeout(tell, 150);
    });
    source.addEventListener("end", () => { source.close(); source = null; });
  }
  function hush() {
    if (source) { source.close(); source = null; }
  }
  document.addEventListener("visibilitychange", () => { if (document.hidden) hush(); else listen(); });
  window.addEventListener("pagehide", hush);
  window.addEventListener("pageshow", listen);
  listen();

  // On a narrow screen the entries of a bar do not all fit: the one that is shown is brought into sight.
  for (const el of document.querySelectorAll(".nav [aria-current], .tabs [aria-current]")) {
    const bar = el.parentElement;
    bar.scrollLeft = el.offsetLeft - bar.offsetLeft - (bar.clientWidth - el.offsetWidth) / 2;
  }

  // A form is sent once, however often its button is pressed.
  document.addEventListener("submit", (e) => {
    const f = e.target;
    if (f.method !== "post" || f.hasAttribute("hx-post")) return;
    if (f.dataset.sent) { e.preventDefault(); return; }
    f.dataset.sent = "yes";
    setTimeout(() => { delete f.dataset.sent; }, 4000);
  });
})();

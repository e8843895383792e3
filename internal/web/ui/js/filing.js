// Filing a change: what is typed is kept, files can be dropped, a paste fills in at once, @ finds
// colleagues. Without it the same form works by its buttons.
"use strict";
(() => {
  const form = document.getElementById("filing");

  // The form is kept every ten seconds while something changes, and when the page is left.
  if (form && form.dataset.draft) {
    const said = form.querySelector("[data-saved]");
    const started = Date.now();
    let dirty = false;
    let busy = false;
    let sent = false;
    const body = () => {
      const out = new URLSearchParams();
      for (const [k, v] of new FormData(form)) if (typeof v === "string" && v !== "" && k !== "paste") out.append(k, v);
      return out;
    };
    const keep = (leaving) => {
      if (!dirty || sent || (busy && !leaving)) return;
      dirty = false;
      busy = true;
      fetch(form.dataset.draft, { method: "POST", body: body(), keepalive: leaving, headers: { "X-Plumb-By-Itself": "1" } }).then((r) => {
        if (!r.ok) throw new Error(String(r.status));
        return r.text();
      }).then((id) => {
        form.elements.draft.value = id;
        if (said) said.textContent = "Kept at " + new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }) + ".";
      }).catch(() => {
        dirty = true;
        if (said) said.textContent = "Not kept yet; it is tried again.";
      }).finally(() => { busy = false; });
    };
    form.addEventListener("input", (e) => { if (!e.target.matches("[data-paste], [type=file]")) dirty = Date.now() > started; });
    form.addEventListener("submit", () => { sent = true; setTimeout(() => { sent = false; }, 4000); });
    setInterval(() => keep(false), 10000);
    document.addEventListener("visibilitychange", () => { if (document.hidden) keep(true); });
    window.addEventListener("pagehide", () => keep(true));

    // A paste into the big box fills the form in at once.
    const fill = form.querySelector("[data-fill]");
    const box = form.querySelector("[data-paste]");
    if (fill && box) box.addEventListener("paste", () => setTimeout(() => { if (box.value.trim() !== "") fill.click(); }, 0));

    // The last of several fields makes room for one more.
    form.addEventListener("input", (e) => {
      const el = e.target;
      if (!el.matches("[data-several]") || el.value === "") return;
      const all = form.querySelectorAll('[data-several][name="' + el.name + '"]');
      if (el !== all[all.length - 1] || all.length >= 50) return;
      const next = el.cloneNode();
      next.value = "";
      next.id = el.id + "x";
      next.removeAttribute("aria-invalid");
      el.after(next);
    });
  }

  // Files can be dropped on their field.
  for (const zone of document.querySelectorAll("[data-drop]")) {
    const input = zone.querySelector("input[type=file]");
    zone.addEventListener("dragover", (e) => { e.preventDefault(); zone.classList.add("over"); });
    zone.addEventListener("dragleave", () => zone.classList.remove("over"));
    zone.addEventListener("drop", (e) => {
      e.preventDefault();
      zone.classList.remove("over");
      if (!e.dataTransfer || !e.dataTransfer.files.length) return;
      const list = new DataTransfer();
      if (input.multiple) for (const f of input.files) list.items.add(f);
      for (const f of e.dataTransfer.files) if (input.multiple || !list.items.length) list.items.add(f);
      input.files = list.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    });
  }

  // After an @ the colleagues whose names begin so are offered below the text.
  for (const area of document.querySelectorAll("[data-mention]")) {
    const offer = area.parentElement.querySelector(".mentionable");
    if (!offer) continue;
    let soon = 0;
    let asked = "";
    const begun = () => (/(?:^|[\s(])@([\p{L}\p{N}._-]{1,40})$/u.exec(area.value.slice(0, area.selectionStart)) || [])[1] || "";
    const hide = () => { offer.hidden = true; asked = ""; };
    area.addEventListener("input", () => {
      clearTimeout(soon);
      const word = begun();
      if (word === "") { hide(); return; }
      soon = setTimeout(() => {
        asked = word;
        fetch(area.dataset.mention + "?q=" + encodeURIComponent(word)).then((r) => (r.ok ? r.text() : "")).then((html) => {
          if (asked !== word) return;
          offer.replaceChildren(...new DOMParser().parseFromString(html, "text/html").querySelectorAll("button[data-insert]"));
          offer.hidden = offer.children.length === 0;
        }).catch(hide);
      }, 150);
    });
    offer.addEventListener("click", (e) => {
      const pick = e.target.closest("[data-insert]");
      if (!pick) return;
      const at = area.selectionStart;
      area.setRangeText(pick.dataset.insert + " ", at - begun().length - 1, at, "end");
      hide();
      area.focus();
      area.dispatchEvent(new Event("input", { bubbles: true }));
    });
  }
})();

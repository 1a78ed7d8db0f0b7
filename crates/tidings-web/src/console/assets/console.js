// What scripts add to pages that work without them. No page needs this file.
"use strict";
(() => {
  // What renews itself does not take from people what they do: it waits for a pressed mouse button, for marked text, for a field
  // that is being filled in and for whoever asked for a pause; what is unfolded, scrolled and focused is so again afterwards.
  const renews = (elt) => /^(sse:|load)/.test(elt.getAttribute("hx-trigger") || "");
  const isPaused = (elt) => renews(elt) && document.querySelector('[data-pauses][aria-pressed="true"]') !== null;
  const late = new Set();
  let pressed = null;
  const isBusy = (target) => {
    const focus = document.activeElement;
    const marked = getSelection();
    return (pressed && target.contains(pressed)) ||
      (marked && !marked.isCollapsed && target.contains(marked.anchorNode)) ||
      (target.contains(focus) && focus.matches("input:not([type=checkbox], [type=radio]), select, textarea"));
  };
  const catchUp = () => setTimeout(() => {
    const all = [...late];
    late.clear();
    for (const elt of all) if (elt.isConnected) htmx.trigger(elt, "sse:changed");
  }, 300);
  document.addEventListener("pointerdown", (event) => { pressed = event.target; });
  for (const name of ["pointerup", "pointercancel", "dragend"]) {
    document.addEventListener(name, () => { pressed = null; if (late.size) catchUp(); });
  }
  document.addEventListener("focusout", () => { if (late.size) catchUp(); });
  document.addEventListener("selectionchange", () => { if (late.size && getSelection().isCollapsed) catchUp(); });
  document.addEventListener("htmx:beforeRequest", (event) => {
    if (isPaused(event.detail.elt)) event.preventDefault();
  });

  // An element of what was replaced, by what it is and says, and which of those.
  const words = (e) => e.localName + (e.id || e.textContent.trim().slice(0, 80));
  const alike = (root, e) => [...root.querySelectorAll(e.localName)].filter((other) => words(other) === words(e));
  const placeOf = (root, e) => [e, alike(root, e).indexOf(e)];
  const again = (root, [e, n]) => alike(root, e)[n];
  let left = null;
  const leave = (target) => {
    const focus = document.activeElement;
    left = {
      id: target.id,
      open: [...target.querySelectorAll("details[open] > summary")].map((e) => placeOf(target, e)),
      shut: [...target.querySelectorAll("details:not([open]) > summary")].map((e) => placeOf(target, e)),
      scrolled: [...target.querySelectorAll("pre")].filter((e) => e.scrollTop || e.scrollLeft).map((e) => [placeOf(target, e), e.scrollTop, e.scrollLeft]),
      focus: focus && focus !== target && target.contains(focus) ? placeOf(target, focus) : null,
    };
  };
  document.addEventListener("htmx:afterSwap", () => {
    const target = left && document.getElementById(left.id);
    if (!target) return;
    const { open, shut, scrolled, focus } = left;
    left = null;
    for (const place of open) { const e = again(target, place); if (e) e.parentElement.open = true; }
    for (const place of shut) { const e = again(target, place); if (e) e.parentElement.open = false; }
    for (const [place, top, side] of scrolled) { const e = again(target, place); if (e) e.scrollTo(side, top); }
    const e = focus && again(target, focus);
    if (e && document.activeElement !== e) e.focus({ preventScroll: true });
  });

  // Answers that refuse (4xx) carry the form again with its faults: show it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, target } = event.detail;
    const { elt } = event.detail.requestConfig;
    if (renews(elt)) {
      const busy = isBusy(target);
      if (busy) late.add(document.querySelector(".live[hx-get]") || elt);
      if (busy || isPaused(elt)) {
        event.detail.shouldSwap = false;
        return;
      }
      leave(target);
    }
    if (xhr.status >= 400 && (xhr.getResponseHeader("content-type") || "").startsWith("text/html")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // A page that listens says so while it hears something.
  const listens = (event, on) => {
    for (const mark of event.target.querySelectorAll(".live")) mark.classList.toggle("on", on);
  };
  document.addEventListener("htmx:sseOpen", (event) => listens(event, true));
  document.addEventListener("htmx:sseError", (event) => listens(event, false));

  // Times are written in UTC; a hint shows them in the reader's own zone.
  const zone = (root) => {
    for (const time of root.querySelectorAll("time[datetime]:not([data-local])")) {
      const at = new Date(time.dateTime);
      if (Number.isNaN(at.getTime())) continue;
      time.dataset.local = "";
      time.title = `${time.title ? `${time.title} · ` : ""}${at.toLocaleString()} here`;
    }
  };

  // Whatever is marked only makes sense with scripts: it is hidden until here.
  const reveal = (root) => {
    for (const element of root.querySelectorAll("[data-script][hidden]")) element.hidden = false;
  };

  // On a narrow screen the tab of this page may lie beyond the edge.
  const show = () => {
    const tab = document.querySelector(".tabs [aria-current]");
    if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - (tab.parentElement.clientWidth - tab.offsetWidth) / 2;
  };
  document.addEventListener("DOMContentLoaded", show);

  const ready = (root) => { zone(root); reveal(root); };
  document.addEventListener("DOMContentLoaded", () => ready(document));
  document.addEventListener("htmx:load", (event) => ready(event.detail.elt.parentElement || document));

  // Browsers lend their clipboard to pages that came by TLS only; elsewhere the text is marked, and copied if the browser does it.
  const copied = async (source) => {
    if (navigator.clipboard) {
      await navigator.clipboard.writeText("value" in source ? source.value : source.textContent);
      return true;
    }
    if ("value" in source) source.select();
    else getSelection().selectAllChildren(source);
    return document.execCommand("copy");
  };

  document.addEventListener("click", (event) => {
    // <button data-copy="#id">: copies the text of that element.
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      copied(document.querySelector(copy.dataset.copy)).then((done) => {
        const was = copy.textContent;
        copy.textContent = done ? "Copied" : "Marked";
        setTimeout(() => { copy.textContent = was; }, 1500);
      });
    }
    // <button data-add-row>: one more empty row like the last one of the list before it.
    const adder = event.target.closest("[data-add-row]");
    if (adder) {
      const rows = adder.closest("details").querySelector("[data-rows]");
      const row = rows.lastElementChild.cloneNode(true);
      const number = rows.children.length + 1;
      for (const input of row.querySelectorAll("input")) {
        input.value = "";
        input.setAttribute("aria-label", input.getAttribute("aria-label").replace(/\d+$/, number));
      }
      rows.append(row);
      row.querySelector("input").focus();
    }
    // <button data-pauses="id">: what renews itself waits until it is pressed again.
    const pause = event.target.closest("[data-pauses]");
    if (pause) {
      const on = pause.getAttribute("aria-pressed") !== "true";
      pause.setAttribute("aria-pressed", on);
      const mark = document.getElementById(pause.dataset.pauses);
      mark.textContent = on ? "Not live" : "Live";
      mark.classList.toggle("held", on);
      if (!on) htmx.trigger(mark, "sse:changed");
    }
    // A menu closes when something else is clicked.
    for (const menu of document.querySelectorAll("details.menu[open], details.confirm[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    for (const menu of document.querySelectorAll("details.menu[open], details.confirm[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  });

  // A form is sent once, however often its button is pressed; what the server answers is the next page.
  const sent = new Set();
  const letGo = () => {
    for (const [form, buttons] of sent) {
      delete form.dataset.sent;
      for (const button of buttons) button.disabled = false;
    }
    sent.clear();
  };
  document.addEventListener("submit", (event) => {
    const form = event.target;
    if (event.defaultPrevented || form.method !== "post") return;
    if ("sent" in form.dataset) {
      event.preventDefault();
      return;
    }
    form.dataset.sent = "";
    if (!location.pathname.startsWith("/sign-in")) remember(form);
    // Only after the browser has gathered the fields: the button that was pressed is one of them.
    setTimeout(() => {
      const buttons = [...form.elements].filter((e) => e.type === "submit" && !e.disabled);
      for (const button of buttons) button.disabled = true;
      sent.add([form, buttons]);
    });
    // Somebody stopped loading, or nothing came: they may try again.
    setTimeout(letGo, 10000);
  });
  // Whoever comes back finds the page as it was left.
  window.addEventListener("pageshow", letGo);

  // Where a session ended while somebody wrote, what they wrote is in the form again after they signed in: all but what is secret.
  // It stays in this tab, from the form to the sign-in and back, and is gone with any other page.
  const WRITTEN = "tidings-written";
  const remember = (form) => {
    const secret = (name) => [...form.querySelectorAll(`[name="${CSS.escape(name)}"]`)].some((e) => e.type === "password" || e.type === "hidden" || "secret" in e.dataset);
    const fields = [...new FormData(form)].filter(([name]) => !secret(name));
    const written = { page: location.pathname + location.search, action: form.getAttribute("action"), fields, ended: false };
    try { sessionStorage.setItem(WRITTEN, JSON.stringify(written)); } catch { /* too much, or not allowed: then it is written anew */ }
  };
  const writeBack = (form, fields) => {
    const boxes = form.querySelectorAll("input[type=checkbox], input[type=radio]");
    for (const box of boxes) box.checked = fields.some(([name, value]) => name === box.name && value === box.value);
    const places = {};
    for (const [name, value] of fields) {
      const at = places[name] = (places[name] ?? -1) + 1;
      const field = form.querySelectorAll(`[name="${CSS.escape(name)}"]:not([type=checkbox], [type=radio], button)`)[at];
      if (field) field.value = value;
    }
    const note = document.createElement("div");
    note.className = "note info";
    note.setAttribute("role", "status");
    note.textContent = "What you had written is in the form again. It is not saved yet.";
    form.before(note);
  };
  const recall = () => {
    let written = null;
    try { written = JSON.parse(sessionStorage.getItem(WRITTEN)); } catch { /* nothing, or not ours */ }
    if (!written) return;
    if (location.pathname.startsWith("/sign-in")) {
      // Without scripts it would go along by the page.
      for (const field of document.querySelectorAll("[name=kept]")) field.remove();
      sessionStorage.setItem(WRITTEN, JSON.stringify({ ...written, ended: true }));
      return;
    }
    sessionStorage.removeItem(WRITTEN);
    if (!written.ended || written.page !== location.pathname + location.search) return;
    const form = [...document.forms].find((f) => f.getAttribute("action") === written.action && f.method === "post");
    if (form) writeBack(form, written.fields);
  };
  document.addEventListener("DOMContentLoaded", recall);

  document.addEventListener("input", (event) => {
    // <input data-chooses="#id">: whoever types here means that choice.
    const chosen = event.target.dataset.chooses && document.querySelector(event.target.dataset.chooses);
    if (chosen) chosen.checked = true;
    // <input data-filter="#id">: shows only the entries [data-text] that contain what is typed.
    const { filter } = event.target.dataset;
    if (filter) {
      const wanted = event.target.value.trim().toLowerCase();
      for (const entry of document.querySelectorAll(`${filter} [data-text]`)) {
        entry.hidden = wanted !== "" && !entry.dataset.text.toLowerCase().includes(wanted);
      }
      for (const group of document.querySelectorAll(`${filter} [data-group]`)) {
        group.hidden = !group.querySelector("[data-text]:not([hidden])");
      }
    }
  });

  document.addEventListener("change", (event) => {
    // <input type=checkbox data-all="#id">: ticks every box in there that is shown.
    const { all } = event.target.dataset;
    if (all) {
      for (const box of document.querySelectorAll(`${all} input[type=checkbox]:not(:disabled)`)) {
        if (box !== event.target && !box.closest("[hidden]")) box.checked = event.target.checked;
      }
    }
  });
})();

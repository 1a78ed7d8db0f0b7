// What scripts add to pages that work without them. No page needs this file.
"use strict";
(() => {
  // Answers that refuse (4xx) carry the form again with its faults: show it.
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr, elt, target } = event.detail;
    const trigger = elt.getAttribute("hx-trigger") || "";
    const focus = document.activeElement;
    // What renews itself waits for whoever is in it by keyboard: with its links their focus would go, with its fields what they typed.
    const reads = trigger.startsWith("load") && elt.contains(focus);
    const types = trigger.startsWith("sse:") && target.contains(focus) && focus.matches("input, select, textarea");
    if (reads || types) {
      event.detail.shouldSwap = false;
      return;
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

  document.addEventListener("click", (event) => {
    // <button data-copy="#id">: copies the text of that element.
    const copy = event.target.closest("[data-copy]");
    if (copy) {
      const source = document.querySelector(copy.dataset.copy);
      if (source && navigator.clipboard) {
        const text = "value" in source ? source.value : source.textContent;
        navigator.clipboard.writeText(text).then(() => {
          const was = copy.textContent;
          copy.textContent = "Copied";
          setTimeout(() => { copy.textContent = was; }, 1500);
        });
      }
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
    if (location.pathname === "/sign-in") {
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

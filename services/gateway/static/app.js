// Comfort for who has JavaScript. Every page works without it.
"use strict";

// A form that is being filled in survives a closed tab or a lost connection. It is kept in this browser only, and forgotten
// once it was sent.
function keepDraft(form) {
  const name = "tuntas-draft-" + form.dataset.draft;
  const secret = new Set(["kunci", "nik", "langkah"]);
  const fields = () => [...form.elements].filter((field) => field.name && field.type !== "file" && field.type !== "hidden" && !secret.has(field.name));
  let kept;
  try { kept = JSON.parse(localStorage.getItem(name) || "null"); } catch { kept = null; }
  if (kept && !form.dataset.filled) {
    for (const field of fields()) {
      if (!(field.name in kept)) continue;
      if (field.type === "radio" || field.type === "checkbox") field.checked = kept[field.name] === field.value;
      else if (!field.value) field.value = kept[field.name];
    }
  }
  form.addEventListener("input", () => {
    const values = {};
    for (const field of fields()) {
      if ((field.type === "radio" || field.type === "checkbox") && !field.checked) continue;
      values[field.name] = field.value;
    }
    try { localStorage.setItem(name, JSON.stringify(values)); } catch { /* storage is full or forbidden: then it is not kept */ }
  });
}
document.querySelectorAll("form[data-draft]").forEach(keepDraft);
document.querySelectorAll("[data-forget-draft]").forEach((mark) => {
  try { localStorage.removeItem("tuntas-draft-" + mark.dataset.forgetDraft); } catch { /* nothing was kept */ }
});

// The code on a printed receipt's QR stands behind the #, which is never sent.
const code = document.querySelector("input[name=kode]");
if (code && location.hash.length > 1) {
  code.value = decodeURIComponent(location.hash.slice(1));
  history.replaceState(null, "", location.pathname + location.search);
}

// Place from the device, when the person asks for it.
document.querySelectorAll("[data-locate]").forEach((button) => {
  if (!navigator.geolocation) return;
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.geolocation.getCurrentPosition((found) => {
      const form = button.form;
      form.elements.lintang.value = found.coords.latitude.toFixed(5);
      form.elements.bujur.value = found.coords.longitude.toFixed(5);
      form.dispatchEvent(new Event("input"));
    });
  });
});

document.querySelectorAll("[data-print]").forEach((button) => {
  button.hidden = false;
  button.addEventListener("click", () => window.print());
});

// Bulk selection.
document.querySelectorAll("[data-check-all]").forEach((box) => {
  box.hidden = false;
  box.parentElement.querySelectorAll(".no-js").forEach((words) => { words.hidden = true; });
  box.addEventListener("change", () => {
    document.querySelectorAll(`input[name="${box.dataset.checkAll}"]`).forEach((one) => { one.checked = box.checked; });
  });
});

// Live updates: the server says that something changed, the page is asked for again.
document.querySelectorAll("[data-live]").forEach((place) => {
  const source = new EventSource(place.dataset.live);
  source.addEventListener("entry", (event) => { place.insertAdjacentHTML("afterbegin", event.data); });
  source.addEventListener("changed", () => {
    const notice = document.getElementById("live-notice");
    if (notice) notice.hidden = false;
  });
  addEventListener("pagehide", () => source.close());
});

// Keyboard: j and k walk through a list, x chooses a row, Enter opens, / searches.
function isTyping(field) {
  return /^(TEXTAREA|SELECT)$/.test(field.tagName) || (field.tagName === "INPUT" && field.type !== "checkbox");
}
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(document.activeElement)) return;
  const links = [...document.querySelectorAll("[data-walk] a.walk")];
  const at = links.indexOf(document.activeElement);
  if (event.key === "j" && links.length) links[Math.min(at + 1, links.length - 1)].focus();
  else if (event.key === "k" && links.length) links[Math.max(at - 1, 0)].focus();
  else if (event.key === "x" && at >= 0) {
    const box = links[at].closest("tr")?.querySelector("input[type=checkbox]");
    if (box) box.checked = !box.checked;
  } else if (event.key === "/") {
    const search = document.querySelector("input[type=search]");
    if (search) { event.preventDefault(); search.focus(); }
  }
});

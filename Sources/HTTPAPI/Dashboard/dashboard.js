"use strict";

// What comes from the server (labels, file names, captions, reasons) is hostile: it gets into the page as text, never as
// markup. `element` is the only way in which anything is made here.
const element = (name, attributes = {}, ...children) => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== null) made.setAttribute(key, value);
  }
  made.append(...children.filter(child => child !== null));
  return made;
};
const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };
const byID = id => document.getElementById(id);

// MARK: The server

let askingForKey = null;

/** Asks for the key, once for all who wait for it. */
const askForKey = () => {
  askingForKey ??= new Promise(resolve => {
    const dialog = byID("key-dialog");
    byID("key-input").value = "";
    byID("key-form").onsubmit = event => {
      event.preventDefault();
      sessionStorage.setItem("docent-key", byID("key-input").value);
      dialog.close();
      askingForKey = null;
      resolve();
    };
    dialog.oncancel = event => event.preventDefault();
    if (!dialog.open) dialog.showModal();
  });
  return askingForKey;
};

/** Fetches from the server, with the key where there is one; a refused key is asked for again. */
const call = async (path, options = {}) => {
  for (;;) {
    const key = sessionStorage.getItem("docent-key");
    // A link cannot send a key.
    byID("docs").hidden = key !== null;
    const headers = { ...options.headers, ...(key ? { Authorization: "Bearer " + key } : {}) };
    const response = await fetch(path, { ...options, headers });
    if (response.status !== 401) return response;
    if (sessionStorage.getItem("docent-key") === key) await askForKey();
  }
};

const json = async (path, options) => {
  const response = await call(path, options);
  const body = await response.json();
  if (!response.ok) throw Object.assign(new Error(body.error?.message ?? response.statusText), { status: response.status });
  return body;
};

const send = (path, body) => json(path, {
  method: "POST",
  ...(body ? { headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) } : {}),
});

// MARK: Words

const plural = (count, word) => `${count.toLocaleString()} ${word}${count === 1 ? "" : "s"}`;
const ended = counts => counts.succeeded + counts.failed + counts.cancelled + counts.expired;

const duration = seconds => {
  if (seconds < 90) return `${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 90 * 60) return `${Math.round(seconds / 60)} min`;
  if (seconds < 36 * 3600) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86400)} days`;
};

const rateText = rate => {
  if (rate === null || rate === undefined) return null;
  return rate >= 1 ? `${rate.toFixed(1)} a second` : `${(rate * 60).toFixed(1)} a minute`;
};

const progressText = job => {
  const done = ended(job.counts);
  const parts = [job.sealed ? `${done.toLocaleString()} of ${job.counts.total.toLocaleString()}`
    : `${done.toLocaleString()} of ${job.counts.total.toLocaleString()} found so far`];
  const failed = job.counts.failed + job.counts.expired;
  if (failed > 0) parts.push(`${failed.toLocaleString()} failed`);
  const rate = rateText(job.rate);
  if (rate) parts.push(rate);
  if (job.finished_at === null && job.eta_seconds > 0) parts.push(`about ${duration(job.eta_seconds)} left`);
  if (job.finished_at !== null && job.started_at !== null) parts.push(`took ${duration(job.finished_at - job.started_at)}`);
  return parts.join(" · ");
};

const whenText = seconds => new Date(seconds * 1000).toLocaleString([], { dateStyle: "medium", timeStyle: "short" });

const makeBar = tall => {
  const parts = ["succeeded", "failed", "cancelled", "running"].map(name => [name, element("i", { class: name })]);
  const bar = element("div", { class: tall ? "bar tall" : "bar", role: "progressbar", "aria-valuemin": 0 },
    ...parts.map(([, part]) => part));
  const update = counts => {
    const shown = { ...counts, failed: counts.failed + counts.expired };
    // Through the style object: attributes with styles are forbidden by the page's policy.
    for (const [name, part] of parts) part.style.width = `${counts.total ? 100 * shown[name] / counts.total : 0}%`;
    bar.setAttribute("aria-valuemax", counts.total);
    bar.setAttribute("aria-valuenow", ended(counts));
  };
  return { bar, update };
};

const showStatus = (node, job) => {
  setText(node, job.finished_at === null && !job.sealed && job.status !== "paused" ? `${job.status}, still looking for images`
    : job.status);
  node.className = "status " + job.status;
};

// MARK: All jobs

const listView = () => {
  const rows = new Map();
  const list = element("ul", { class: "jobs" });
  const nothing = element("p", { class: "quiet", hidden: true });
  const questions = element("input", { type: "checkbox" });
  const make = id => {
    const link = element("a", { href: "#/jobs/" + id });
    const status = element("span");
    const { bar, update } = makeBar(false);
    const progress = element("span", { class: "numbers" });
    const about = element("span");
    const row = element("li", {}, element("div", { class: "title" }, link, status), bar,
      element("div", { class: "line quiet" }, progress, about));
    return { row, show: job => {
      setText(link, job.label);
      showStatus(status, job);
      update(job.counts);
      setText(progress, progressText(job));
      setText(about, [job.recipe, whenText(job.created_at)].filter(Boolean).join(" · "));
    } };
  };
  const refresh = async () => {
    const kinds = questions.checked ? "" : "&kind=directory,urls,caption,batch";
    const jobs = (await json("v1/jobs?limit=50" + kinds)).data;
    const known = new Set(jobs.map(job => job.id));
    for (const [id, { row }] of rows) if (!known.has(id)) { row.remove(); rows.delete(id); }
    jobs.forEach((job, index) => {
      if (!rows.has(job.id)) rows.set(job.id, make(job.id));
      const { row, show } = rows.get(job.id);
      show(job);
      // Moved only where it is not there yet: what has the focus keeps it.
      if (list.children[index] !== row) list.insertBefore(row, list.children[index] ?? null);
    });
    nothing.hidden = jobs.length > 0;
    setText(nothing, "There are no jobs. `docent jobs submit DIRECTORY` makes one, and so does POST /v1/jobs.");
  };
  questions.addEventListener("change", refresh);
  const page = element("div", {}, element("div", { class: "line" }, element("h1", {}, "Jobs"),
    element("label", { class: "option" }, questions, " with single questions")), list, nothing);
  return { title: "Docent", page, refresh };
};

// MARK: One job

/** Pictures as object URLs, because an image element cannot send a key; the oldest are given back. */
const pictures = new Map();
const picture = async path => {
  if (pictures.has(path)) return pictures.get(path);
  const response = await call(path);
  if (!response.ok) return null;
  const url = URL.createObjectURL(await response.blob());
  pictures.set(path, url);
  if (pictures.size > 400) {
    const [oldest, given] = pictures.entries().next().value;
    URL.revokeObjectURL(given);
    pictures.delete(oldest);
  }
  return url;
};

const fileName = key => key.split("?bytes=")[0];

const card = (jobID, request) => {
  const frame = element("div", { class: "frame" });
  const caption = (request.caption ?? request.response?.choices?.[0]?.message?.content ?? "").trim();
  picture(`v1/jobs/${jobID}/requests/${request.id}/image`).then(url => {
    if (!url) return setText(frame, "no picture kept");
    const image = element("img", { alt: "", src: url });
    image.addEventListener("error", () => { image.remove(); setText(frame, "a format that this browser does not show"); });
    frame.append(image);
  }).catch(() => setText(frame, "no picture"));
  return element("figure", { "data-id": request.id }, frame, element("figcaption", {}, element("p", {}, caption),
    element("span", { class: "file" }, fileName(request.key))));
};

const failureItem = request => element("li", {}, element("span", { class: "file" }, fileName(request.key)),
  element("span", {}, request.error?.message ?? "no reason is on record"), " ",
  request.error?.docent_code ? element("code", { class: "quiet" }, request.error.docent_code) : null);

const jobView = id => {
  const path = "v1/jobs/" + encodeURIComponent(id);
  const pageSize = 24;
  let wanted = pageSize;
  let shownCounts = "";
  const cards = new Map();
  const title = element("h1");
  const status = element("span");
  const { bar, update } = makeBar(true);
  const progress = element("span", { class: "numbers" });
  const about = element("span");
  const counts = element("dl", { class: "counts" });
  const countOf = {};
  for (const name of ["waiting", "running", "succeeded", "failed", "cancelled", "expired"]) {
    countOf[name] = element("dd", {}, "–");
    counts.append(element("div", {}, element("dt", {}, name), countOf[name]));
  }
  const act = (action, body) => async () => {
    try { show(await send(`${path}/${action}`, body)); } catch (error) { trouble(error.message); }
    await refresh();
  };
  const pause = element("button", { id: "pause", onclick: act("pause") }, "Pause");
  const resume = element("button", { id: "resume", onclick: act("resume") }, "Resume");
  const retry = element("button", { id: "retry", onclick: act("retry") }, "Retry what failed");
  const first = element("button", { onclick: act("priority", { priority: "interactive" }) }, "Go before others");
  const last = element("button", { onclick: act("priority", { priority: "bulk" }) }, "Go after others");
  const cancel = element("button", { id: "cancel", class: "grave" }, "Cancel");
  // A second press within some seconds means it; dialogs of the browser would stop the page.
  let isSure = 0;
  cancel.addEventListener("click", () => {
    if (Date.now() - isSure < 4000) { isSure = 0; setText(cancel, "Cancel"); act("cancel")(); return; }
    isSure = Date.now();
    setText(cancel, "Press again to cancel");
    setTimeout(() => setText(cancel, "Cancel"), 4000);
  });
  const more = element("button", { hidden: true, onclick: () => { wanted += pageSize; shownCounts = ""; return refresh(); } },
    "Show more");
  const grid = element("div", { class: "pictures" });
  const captions = element("section", { hidden: true }, element("h2", {}, "Captions"), grid,
    element("div", { class: "tools" }, more));
  const failureList = element("ul", { class: "failures" });
  const failureTitle = element("h2");
  const failures = element("details", { hidden: true }, element("summary", {}, failureTitle), failureList);

  const show = job => {
    setText(title, job.label);
    document.title = `${job.label} – Docent`;
    showStatus(status, job);
    update(job.counts);
    setText(progress, progressText(job));
    setText(about, [job.recipe, job.priority === "interactive" ? "before others" : null, whenText(job.created_at), job.id]
      .filter(Boolean).join(" · "));
    for (const [name, node] of Object.entries(countOf)) {
      setText(node, job.counts[name].toLocaleString());
      node.parentElement.hidden = job.counts[name] === 0 && ["cancelled", "expired"].includes(name);
    }
    const isOver = ["completed", "failed", "cancelled"].includes(job.status);
    pause.hidden = isOver || job.status === "paused";
    resume.hidden = job.status !== "paused";
    cancel.hidden = isOver;
    retry.hidden = job.counts.failed + job.counts.expired + job.counts.cancelled === 0;
    first.hidden = isOver || job.priority === "interactive";
    last.hidden = isOver || job.priority !== "interactive";
  };

  const showResults = async job => {
    const state = JSON.stringify([job.counts.succeeded, job.counts.failed, job.counts.expired]);
    if (state === shownCounts) return;
    const found = await json(`${path}/results?state=succeeded&order=desc&limit=${wanted}`);
    found.data.forEach((request, index) => {
      if (!cards.has(request.id)) cards.set(request.id, card(id, request));
      const made = cards.get(request.id);
      if (grid.children[index] !== made) grid.insertBefore(made, grid.children[index] ?? null);
    });
    const known = new Set(found.data.map(request => request.id));
    for (const [request, made] of cards) if (!known.has(request)) { made.remove(); cards.delete(request); }
    captions.hidden = found.data.length === 0;
    more.hidden = !found.has_more || wanted >= 240;
    const lost = job.counts.failed + job.counts.expired === 0 ? []
      : [...(await json(`${path}/results?state=failed&order=desc&limit=50`)).data,
        ...(await json(`${path}/results?state=expired&order=desc&limit=10`)).data];
    failureList.replaceChildren(...lost.map(failureItem));
    setText(failureTitle, plural(job.counts.failed + job.counts.expired, "failure"));
    // A few are shown at once; many must be asked for, or they would hide the captions.
    if (failures.hidden) failures.open = lost.length <= 5;
    failures.hidden = lost.length === 0;
    shownCounts = state;
  };

  const refresh = async () => {
    const job = await json(path);
    show(job);
    await showResults(job);
  };
  const page = element("div", {}, element("a", { class: "quiet", href: "#/" }, "← All jobs"),
    element("div", { class: "line" }, title, status), bar, element("div", { class: "line quiet" }, progress, about), counts,
    element("div", { class: "tools" }, pause, resume, retry, first, last, cancel), failures, captions);
  return { title: "Docent", page, refresh };
};

// MARK: The page

const trouble = text => {
  const node = byID("trouble");
  node.hidden = !text;
  setText(node, text ?? "");
};

let lastTokens = null;
const showService = status => {
  const now = performance.now();
  const speed = lastTokens && now > lastTokens.at
    ? Math.max(0, (status.engine.generated_tokens - lastTokens.count) * 1000 / (now - lastTokens.at)) : 0;
  lastTokens = { count: status.engine.generated_tokens, at: now };
  const waiting = status.queue.waiting_bulk + status.queue.waiting_interactive;
  const parts = [
    element("span", { class: status.state === "ready" ? "state ready" : "state" }, status.state),
    element("span", {}, status.model), status.device ? element("span", {}, status.device) : null,
    element("span", {}, `${plural(status.queue.running, "request")} running, ${waiting.toLocaleString()} waiting`),
    speed > 0 ? element("span", {}, `${Math.round(speed)} tokens a second`) : null,
  ];
  byID("service").replaceChildren(...parts.filter(Boolean));
};

let view = null;
let visit = 0;
const open = () => {
  const job = location.hash.match(/^#\/jobs\/([A-Za-z0-9_]+)$/);
  view = job ? jobView(job[1]) : listView();
  visit += 1;
  document.title = view.title;
  byID("main").replaceChildren(view.page);
  window.scrollTo(0, 0);
};

const refreshAll = async () => {
  const current = visit;
  try {
    showService(await json("v1/status"));
    await view.refresh();
    trouble(null);
  } catch (error) {
    if (current === visit) {
      trouble(error.status ? error.message : "The server does not answer; this page asks again every few seconds.");
    }
    if (!error.status) byID("service").replaceChildren(element("span", { class: "state" }, "not reached"));
  }
};

// One question after the other, none while nobody looks.
const watch = async () => {
  for (;;) {
    if (!document.hidden) await refreshAll();
    await new Promise(resolve => setTimeout(resolve, byID("trouble").hidden ? 1000 : 3000));
  }
};
window.addEventListener("hashchange", () => {
  if (location.hash === "#main") return;
  open();
  byID("main").focus({ preventScroll: true });
  refreshAll();
});
open();
watch();

"use strict";
// Brings a page to life: charts answer to the mouse and to each other, tables sort and filter. Everything the
// page says stands in it without this script.
(() => {
  const byId = (id) => document.getElementById(id);
  const page = JSON.parse(byId("page-data").textContent);
  for (const [name, { fields, rows }] of Object.entries(page.shared)) {
    page.shared[name] = rows.map((cells) => {
      const known = fields.map((field, i) => [field, cells[i]]).filter(([, cell]) => cell !== null);
      return { on: true, ...Object.fromEntries(known) };
    });
  }
  const views = new Map(); // chart name -> Vega view
  const brushes = new Map(); // chart name -> trials inside its rectangle
  let words = null; // trials whose row in the table matches what was typed
  let picked = null; // the trial that is shown in detail

  // ---- small helpers
  const make = (tag, attributes = {}, ...children) => {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...children);
    return element;
  };
  const button = (text, action, attributes = {}) => {
    const element = make("button", { type: "button", ...attributes }, text);
    element.addEventListener("click", action);
    return element;
  };
  const announce = (text) => { byId("announce").textContent = text; };

  // ---- theme
  const themes = ["auto", "light", "dark"];
  const stored = () => { try { return localStorage.getItem("lenet-tune-theme"); } catch { return null; } };
  const setTheme = (theme) => {
    if (theme === "auto") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme;
    byId("theme").textContent = `Theme: ${theme}`;
    try { localStorage.setItem("lenet-tune-theme", theme); } catch { /* a page from disk may keep nothing */ }
  };
  const currentTheme = () => document.documentElement.dataset.theme || "auto";
  byId("tools").append(button("", () => {
    setTheme(themes[(themes.indexOf(currentTheme()) + 1) % themes.length]);
  }, { id: "theme" }));
  setTheme(themes.includes(stored()) ? stored() : "auto");

  // ---- which trials are chosen: those inside every rectangle and matching the typed words; null for all
  const chosen = () => {
    const sets = [...brushes.values(), ...(words ? [words] : [])];
    if (!sets.length) return null;
    return new Set([...sets[0]].filter((trial) => sets.every((set) => set.has(trial))));
  };
  const marked = (rows, set) => rows.map((row) => ({ ...row, on: set === null || set.has(row.trial) }));
  const rowsOf = (name, data) => page.charts[name].spec.datasets?.[data] ?? page.shared[data];
  const linked = (name) => [
    ...page.charts[name].shared,
    ...Object.keys(page.charts[name].spec.datasets ?? {}),
  ].filter((data) => rowsOf(name, data).some((row) => "on" in row));

  function refresh() {
    const set = chosen();
    for (const [name, view] of views) {
      const sets = linked(name);
      for (const data of sets) view.data(data, marked(rowsOf(name, data), set));
      if (sets.length) view.signal("picked", picked).runAsync();
    }
    showRows(set);
    const bar = byId("chosen");
    if (!bar) return;
    bar.hidden = set === null;
    bar.firstChild.textContent = set === null ? "" : `${set.size} of ${page.shared.trials.length} trials chosen `;
  }
  let waiting = false;
  const refreshSoon = () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => { waiting = false; refresh(); });
  };

  function brushed(name, ranges) {
    const fields = Object.entries(ranges ?? {});
    if (!fields.length) brushes.delete(name);
    else {
      const inside = (row) => fields.every(([field, range]) => (
        typeof range[0] === "number"
          ? row[field] >= Math.min(...range) && row[field] <= Math.max(...range)
          : range.includes(row[field])
      ));
      brushes.set(name, new Set(rowsOf(name, page.charts[name].brush).filter(inside).map((row) => row.trial)));
    }
    refreshSoon();
  }
  function clearChoice() {
    for (const name of brushes.keys()) views.get(name)?.data("brush_store", []).runAsync();
    brushes.clear();
    words = null;
    const box = byId("filter");
    if (box) box.value = "";
    refresh();
    announce("All trials are shown.");
  }

  // ---- charts
  let vega = null;
  async function loadVega() {
    const bytes = Uint8Array.from(atob(byId("vega").textContent), (letter) => letter.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = make("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script); // runs at once; the policy allows exactly this text
    if (!window.vegaEmbed) throw new Error("Vega could not be unpacked");
    return window.vegaEmbed;
  }
  const embed = async (holder, spec, tooltip) => {
    vega ??= loadVega();
    return (await vega)(holder, spec, {
      ast: true, actions: false, renderer: "svg", defaultStyle: false, mode: "vega-lite", tooltip,
    });
  };
  async function enliven(box) {
    const name = box.dataset.chart;
    const chart = page.charts[name];
    const still = box.querySelector("svg");
    // Vega marks the rows it is given as its own, so it gets copies.
    const datasets = structuredClone(chart.spec.datasets ?? {});
    for (const data of chart.shared) datasets[data] = structuredClone(page.shared[data]);
    const spec = { ...chart.spec, datasets, background: null };
    if (typeof spec.width === "number") {
      spec.width = "container";
      spec.autosize = { type: "fit-x", contains: "padding" };
    }
    const holder = make("div", { class: "live" });
    holder.style.maxWidth = still.style.maxWidth;
    box.append(holder);
    // A row of a legend's entries does not break by itself, and would be cut on a phone.
    const legend = holder.clientWidth < 400 ? { ...page.config.legend, columns: 1 } : page.config.legend;
    spec.config = { ...page.config, legend };
    try {
      const tooltip = { disableDefaultStyle: true };
      const { view } = await embed(holder, spec, tooltip);
      // To whoever does not see it, the chart is its finding; its marks are in the table below it.
      holder.querySelector("svg").setAttribute("aria-hidden", "true");
      holder.setAttribute("role", "img");
      holder.setAttribute("aria-label", chart.finding);
      box.classList.add("lives");
      views.set(name, view);
      if (chart.brush) view.addSignalListener("brush", (_, ranges) => brushed(name, ranges));
      view.addEventListener("click", (_, item) => {
        if (Number.isInteger(item?.datum?.trial)) pick(item.datum.trial);
      });
      if (chosen() !== null || picked !== null) refreshSoon();
    } catch (error) {
      holder.remove(); // the still chart stays
      console.error(`chart ${name}: ${error.message}`);
    }
  }
  const seen = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      seen.unobserve(entry.target);
      enliven(entry.target);
    }
  }, { rootMargin: "300px" });
  for (const box of document.querySelectorAll("[data-chart]")) seen.observe(box);

  // ---- tables: sort and filter
  const table = byId("trials-table");
  const isNumber = (text) => /^[-+\u2212]?[\d.,]+(e[-+]?\d+)?/.test(text);
  const numberIn = (text) => parseFloat(text.replaceAll(",", "").replace("\u2212", "-"));
  function compare(a, b) {
    if (isNumber(a) && isNumber(b)) return numberIn(a) - numberIn(b);
    if (isNumber(a) !== isNumber(b)) return isNumber(a) ? -1 : 1;
    return a.localeCompare(b);
  }
  function sortBy(place, head) {
    const down = head.getAttribute("aria-sort") === "ascending";
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[place].textContent.trim(), row]);
    const empty = (text) => text === "" || text === "\u2013";
    rows.sort(([a], [b]) => {
      if (empty(a) || empty(b)) return empty(a) - empty(b);
      return down ? compare(b, a) : compare(a, b);
    });
    for (const [, row] of rows) body.append(row);
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    announce(`Sorted by ${head.textContent}, ${down ? "descending" : "ascending"}.`);
  }
  const tests = { "<": (a, b) => a < b, ">": (a, b) => a > b, "<=": (a, b) => a <= b, ">=": (a, b) => a >= b,
    "=": (a, b) => a === b };
  function matches(row, term) {
    const found = term.match(/^([^<>=]+)(<=|>=|<|>|=)(.+)$/);
    if (!found) return row.textContent.toLowerCase().includes(term);
    const place = [...table.tHead.rows[0].cells].findIndex((h) => h.textContent.toLowerCase().includes(found[1]));
    if (place < 0) return false;
    const cell = row.cells[place].textContent.trim().toLowerCase();
    if (isNumber(cell) && isNumber(found[3])) return tests[found[2]](numberIn(cell), numberIn(found[3]));
    return found[2] === "=" && cell === found[3];
  }
  function filterBy(text) {
    const terms = text.toLowerCase().split(/\s+/).filter(Boolean);
    const rows = [...table.tBodies[0].rows].filter((row) => terms.every((term) => matches(row, term)));
    words = terms.length ? new Set(rows.map((row) => Number(row.dataset.trial))) : null;
    refresh();
    announce(`${rows.length} rows match.`);
  }
  function showRows(set) {
    if (!table) return;
    for (const row of table.tBodies[0].rows) {
      const trial = Number(row.dataset.trial);
      row.hidden = set !== null && !set.has(trial);
      row.classList.toggle("picked", trial === picked);
    }
  }
  function save(name, text) {
    const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: name });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }
  const quoted = (text) => `"${text.replace(/^([=+\-@\t\r])(?![\d.])/, "'$1").replaceAll('"', '""')}"`;
  function asCsv() {
    const rows = [table.tHead.rows[0], ...[...table.tBodies[0].rows].filter((row) => !row.hidden)];
    return rows.map((row) => [...row.cells].map((c) => quoted(c.textContent.trim())).join(",")).join("\n") + "\n";
  }
  if (table) {
    const more = byId("more-trials-table");
    if (more) {
      table.tBodies[0].append(...more.tBodies[0].rows);
      more.closest("details").remove();
    }
    for (const [place, head] of [...table.tHead.rows[0].cells].entries()) {
      const text = head.textContent;
      head.replaceChildren(button(text, () => sortBy(place, head), { class: "sort" }));
    }
    const place = [...table.tHead.rows[0].cells].findIndex((head) => head.textContent === "trial");
    for (const [at, row] of [...table.tBodies[0].rows].entries()) {
      const cell = row.cells[place];
      row.dataset.trial = cell ? cell.textContent.trim() : at;
      if (!cell) continue; // rows of something else than trials
      const number = Number(row.dataset.trial);
      cell.replaceChildren(button(row.dataset.trial, () => pick(number), {
        class: "link", "aria-label": `Trial ${number}: setting, curves, command`,
      }));
    }
    const box = make("input", { type: "search", id: "filter", placeholder: page.name ? "relu depth>3 learning_rate<0.01" : "" });
    box.addEventListener("input", () => filterBy(box.value));
    byId("trials-tools").append(
      make("label", { for: "filter" }, "Filter: "), box,
      button("Save as CSV", () => save(`${page.name ?? "studies"}-trials.csv`, asCsv())),
    );
  }
  if (byId("chosen")) byId("chosen").append("", button("Show all", clearChoice));

  // ---- one trial in detail
  let cameFrom = null;
  function pick(trial) {
    if (picked === null) cameFrom = document.activeElement;
    picked = trial;
    refresh();
    showDetail();
  }
  function close() {
    picked = null;
    byId("detail").hidden = true;
    refresh();
    cameFrom?.focus?.();
  }
  const shownKnobs = (row) => [
    ...page.knobs.filter(([field]) => field in row).map(([field, name]) => [name, String(row[field])]),
    ...page.fixed,
  ];
  function step(by) {
    const order = page.shared.trials.filter((row) => row.rank).sort((a, b) => a.rank - b.rank || a.trial - b.trial);
    const at = order.findIndex((row) => row.trial === picked);
    const next = order[Math.min(Math.max(at + by, 0), order.length - 1)];
    if (next) { picked = next.trial; refresh(); showDetail(); }
  }
  function showDetail() {
    const row = page.shared.trials.find((found) => found.trial === picked);
    const panel = byId("detail");
    if (!row) { panel.hidden = true; return; }
    const score = row.score === undefined ? row.status : `${row.score.toFixed(2)} %, rank ${row.rank}`;
    const title = make("h2", { tabindex: "-1", id: "detail-title" }, `Trial ${row.trial}: ${score}`);
    const body = make("tbody");
    for (const [name, value] of shownKnobs(row)) {
      body.append(make("tr", {}, make("th", { scope: "row" }, name), make("td", {}, value)));
    }
    const command = page.commands[row.trial];
    panel.replaceChildren(
      make("div", { class: "detail-tools" }, button("Better", () => step(-1)), button("Worse", () => step(1)),
        button("Close", close)),
      title,
      make("div", { class: "live", id: "detail-curves" }),
      ...(command ? [make("p", {}, "Run it again: ", button("Copy", () => copy(command))),
        make("code", { class: "block", tabindex: "0" }, command)] : []),
      make("table", {}, make("caption", {}, "Setting"), body),
    );
    panel.hidden = false;
    title.focus({ preventScroll: true });
    drawHistory(row.trial);
  }
  async function copy(text) {
    try { await navigator.clipboard.writeText(text); announce("Copied."); }
    catch { announce("Copying is not allowed here: select the command instead."); }
  }
  for (const code of document.querySelectorAll(".rerun code")) {
    code.before(button("Copy", () => copy(code.textContent), { "aria-label": "Copy the command" }));
  }
  function drawHistory(trial) {
    const history = page.histories[trial];
    if (!history) return;
    const values = ["train", page.held_out].flatMap((part, i) => history[i].map((value, epoch) => (
      { part, epoch: epoch + 1, accuracy: value === null ? null : value / 100 })));
    const names = { domain: ["train", page.held_out] };
    const spec = {
      data: { values }, width: "container", height: 120, background: null, config: page.config,
      autosize: { type: "fit-x", contains: "padding" },
      description: `Accuracy of trial ${trial} by epoch`,
      mark: { type: "line", point: values.length < 24 },
      encoding: {
        x: { field: "epoch", type: "quantitative", axis: { tickMinStep: 1 } },
        y: { field: "accuracy", type: "quantitative", title: "accuracy, %", scale: { zero: false } },
        color: { field: "part", type: "nominal", scale: { ...names, range: [page.colours.train, page.colours.held_out] } },
        strokeDash: { field: "part", type: "nominal", scale: { ...names, range: [[6, 4], [1, 0]] } },
      },
    };
    embed(byId("detail-curves"), spec, false);
  }

  // ---- a page that `lenet-tune watch` serves comes anew every few seconds: what was chosen stays chosen
  const place = "lenet-tune-choice";
  function keepChoice() {
    const brushed = brushes.size ? [...brushes.values()].reduce((a, b) => new Set([...a].filter((t) => b.has(t)))) : null;
    const choice = { name: page.name, brushed: brushed && [...brushed], typed: byId("filter")?.value, picked };
    try { sessionStorage.setItem(place, JSON.stringify(choice)); } catch { /* then it is lost */ }
  }
  function takeChoice() {
    let choice = null;
    try { choice = JSON.parse(sessionStorage.getItem(place)); } catch { /* nothing was kept */ }
    if (choice?.name !== page.name) return;
    if (choice.brushed) brushes.set("before", new Set(choice.brushed));
    if (choice.typed) { byId("filter").value = choice.typed; filterBy(choice.typed); }
    if (choice.picked !== null) pick(choice.picked);
    refresh();
  }
  if (location.protocol === "http:" && page.shared.trials) {
    takeChoice();
    window.addEventListener("pagehide", keepChoice);
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && picked !== null) close();
  });
})();

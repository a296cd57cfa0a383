"use strict";
// Everything in the data may be hostile: texts become text nodes, never markup.
(() => {
  const PAGE = 100;
  const $ = (id) => document.getElementById(id);
  const overview = $("overview"), article = $("case"), form = $("filters");
  const title = document.title;
  let index, rows = [], page = 0, order = null, opener = null, scrolled = 0;
  const chunks = new Map();

  // --- building -----------------------------------------------------------------
  function el(tag, attributes, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes || {})) {
      if (value !== null && value !== undefined) node.setAttribute(name, value);
    }
    for (const child of children.flat()) {
      if (child === null || child === undefined) continue;
      node.append(child instanceof Node ? child : visible(String(child)));
    }
    return node;
  }

  // Characters that nobody sees, or that turn the order of others around.
  const UNSEEN =
    /([\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff])/;
  function visible(text) {
    const parts = text.split(UNSEEN);
    if (parts.length === 1) return document.createTextNode(text);
    const all = document.createDocumentFragment();
    parts.forEach((part, i) => {
      if (i % 2 === 0) return all.append(part);
      const mark = document.createElement("span");
      mark.className = "invisible";
      mark.textContent = "U+" + part.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
      all.append(mark);
    });
    return all;
  }

  function section(name, ...children) {
    return el("section", {}, el("h2", {}, name), ...children);
  }
  const block = (name, ...children) =>
    el("pre", { tabindex: "0", "aria-label": name }, ...children);
  const number = (value) => value.toLocaleString("en-US");

  // --- data ---------------------------------------------------------------------
  async function unpack(id) {
    const bytes = Uint8Array.from(atob($(id).textContent), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream();
    return new Response(stream.pipeThrough(new DecompressionStream("gzip"))).json();
  }
  const names = ["model", "benchmark", "problem", "attack", "family", "verdict"];
  const value = (row, name) => index[name].names[index[name].values[row]];

  async function details(row) {
    const [chunk, place] = index.place[row];
    if (!chunks.has(chunk)) {
      if (chunks.size > 8) chunks.clear();
      chunks.set(chunk, await unpack("chunk-" + chunk));
    }
    return chunks.get(chunk)[place];
  }

  const GROUPS = { "not solved": 1, broken: 2, fixed: 2 };
  function badges(row) {
    const verdict = value(row, "verdict"), effect = index.effect[row];
    const failed = verdict !== "not judged" && verdict !== "skipped" ? "failed" : "";
    const kind = verdict === "solved" ? "solved" : failed;
    const found = [el("span", { class: "verdict " + kind }, verdict)];
    if (effect) found.push(el("span", { class: "verdict" }, effect));
    return found;
  }
  const linkTo = (row) => "#case/" + encodeURIComponent(index.id[row]);

  // --- the list -----------------------------------------------------------------
  function fill() {
    for (const name of names) {
      const select = form.elements[name];
      if (!select) continue;
      const options = index[name].names.toSorted();
      if (name === "verdict") options.unshift(...Object.keys(GROUPS));
      select.append(...options.map((text) => el("option", { value: text }, text)));
      select.closest("label").hidden = options.length < 2;
    }
  }

  function accepts(wanted) {
    const tests = [];
    for (const name of names) {
      const text = wanted[name];
      if (!text) continue;
      const { names: known, values } = index[name];
      if (name === "verdict" && GROUPS[text] === 1) {
        const out = new Set(["solved", "not judged", "skipped"].map((v) => known.indexOf(v)));
        tests.push((row) => !out.has(values[row]));
      } else if (name === "verdict" && GROUPS[text]) {
        tests.push((row) => index.effect[row] === text);
      } else {
        const number = known.indexOf(text);
        tests.push((row) => values[row] === number);
      }
    }
    const part = wanted.text.trim().toLowerCase();
    if (part) tests.push((row) => index.id[row].toLowerCase().includes(part));
    return (row) => tests.every((test) => test(row));
  }

  function filter() {
    const wanted = Object.fromEntries(new FormData(form));
    const accepted = accepts(wanted);
    rows = [];
    for (let row = 0; row < index.id.length; row++) if (accepted(row)) rows.push(row);
    if (order) {
      const { by, down } = order;
      const key = by === "sample" ? (row) => index.sample[row] : (row) => value(row, by);
      const keys = new Map(rows.map((row) => [row, key(row)]));
      const sign = down ? -1 : 1;
      rows.sort((a, b) => {
        const x = keys.get(a), y = keys.get(b);
        return x < y ? -sign : x > y ? sign : a - b;
      });
    }
    page = 0;
    show();
  }

  function show() {
    const last = Math.max(0, Math.ceil(rows.length / PAGE) - 1);
    page = Math.min(Math.max(page, 0), last);
    const shown = rows.slice(page * PAGE, (page + 1) * PAGE);
    $("rows").tBodies[0].replaceChildren(
      ...shown.map((row) =>
        el("tr", {},
          el("th", { scope: "row" }, el("a", { href: linkTo(row) }, value(row, "problem"))),
          el("td", {}, value(row, "model")),
          el("td", {}, value(row, "attack")),
          el("td", { class: "number sample" }, index.sample[row]),
          el("td", {}, badges(row)))));
    $("rows").hidden = !rows.length;
    $("count").textContent = `${number(rows.length)} of ${number(index.id.length)} cases`;
    $("pages").hidden = last === 0;
    $("page").textContent = `Page ${number(page + 1)} of ${number(last + 1)}`;
    for (const button of $("pages").querySelectorAll("button")) {
      const back = button.dataset.go === "first" || button.dataset.go === "previous";
      button.disabled = back ? page === 0 : page === last;
    }
  }

  function sortBy(head) {
    const by = head.dataset.by;
    order = order && order.by === by ? (order.down ? null : { by, down: true }) : { by, down: false };
    for (const other of $("rows").querySelectorAll("th[data-by]")) {
      const state = order && order.by === other.dataset.by;
      if (state) other.setAttribute("aria-sort", order.down ? "descending" : "ascending");
      else other.removeAttribute("aria-sort");
    }
    filter();
  }

  // --- one case -----------------------------------------------------------------
  const TOKENS = new RegExp([
    String.raw`(?<c>#.*)`,
    String.raw`(?<s>(?:\b[rRbBfFuUtT]{1,2})?(?:"""[^]*?(?:"""|(?![^]))|'''[^]*?(?:'''|(?![^]))|"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?))`,
    String.raw`(?<k>\b(?:False|None|True|and|as|assert|async|await|break|class|continue|def|del|elif|else|except|finally|for|from|global|if|import|in|is|lambda|nonlocal|not|or|pass|raise|return|try|while|with|yield)\b)`,
    String.raw`(?<f>(?<=\b(?:def|class) +)\w+|^[ \t]*@[\w.]+)`,
    String.raw`(?<n>\b\d[\w.]*)`,
  ].join("|"), "gm");
  function highlighted(source) {
    const parts = [];
    let end = 0;
    for (const found of source.matchAll(TOKENS)) {
      if (found.index > end) parts.push(visible(source.slice(end, found.index)));
      const kind = Object.keys(found.groups).find((name) => found.groups[name] !== undefined);
      parts.push(el("span", { class: kind }, found[0]));
      end = found.index + found[0].length;
    }
    parts.push(visible(source.slice(end)));
    return parts;
  }

  // Two lines word by word: what is not in their longest common subsequence is marked.
  function marked(before, after) {
    const a = before.split(/(\W)/).filter(Boolean), b = after.split(/(\W)/).filter(Boolean);
    if (a.length * b.length > 40000) return [[before], [after]];
    const table = Array.from({ length: a.length + 1 }, () => new Uint16Array(b.length + 1));
    for (let i = a.length - 1; i >= 0; i--) {
      for (let j = b.length - 1; j >= 0; j--) {
        table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
      }
    }
    const left = [], right = [];
    let i = 0, j = 0;
    while (i < a.length || j < b.length) {
      if (i < a.length && j < b.length && a[i] === b[j]) {
        left.push(a[i++]);
        right.push(b[j++]);
      } else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) {
        left.push(el("mark", {}, a[i++]));
      } else right.push(el("mark", {}, b[j++]));
    }
    return [left, right];
  }

  function diff(text) {
    const lines = text.split("\n"), parts = [];
    const first = lines[0].startsWith("--- ") ? 2 : 0;
    const run = (sign, from) => {
      const found = [];
      while (lines[from + found.length]?.[0] === sign) found.push(lines[from + found.length].slice(1));
      return found;
    };
    for (let i = first; i < lines.length;) {
      const gone = run("-", i), come = run("+", i + gone.length);
      if (gone.length || come.length) {
        const pairs = gone.map((line, k) => k < come.length ? marked(line, come[k]) : [[line]]);
        parts.push(...gone.map((_, k) => el("del", {}, "− ", pairs[k][0])));
        parts.push(...come.map((line, k) => el("ins", {}, "+ ", pairs[k] ? pairs[k][1] : line)));
        i += gone.length + come.length;
        continue;
      }
      const line = lines[i++];
      if (!line.startsWith("@@")) parts.push(visible("  " + line.slice(1) + "\n"));
      else if (i > first + 1) parts.push(el("span", { class: "gap" }, "⋯"));
    }
    const node = block("Prompt, clean and attacked", parts);
    node.classList.add("diff");
    return node;
  }

  function values(pairs) {
    const list = el("dl", { class: "values" });
    for (const [name, text, kind] of pairs) {
      if (text === null || text === undefined || text === "") continue;
      list.append(el("dt", {}, name), el("dd", {}, kind === "code" ? block(name, highlighted(String(text))) : text));
    }
    return list;
  }

  const seconds = (time) =>
    typeof time !== "number" ? null : time < 1 ? `${(1000 * time).toFixed(1)} ms` : `${time.toFixed(2)} s`;
  // Of a prompt whose embeddings were moved, which its text does not show.
  function moved(answer) {
    const [before, after] = (answer && answer.reference_loss) || [];
    return before === undefined ? "" : `${before.toFixed(3)} to ${after.toFixed(3)} nats a token, embeddings moved`;
  }

  function times(data) {
    const run = data.execution || {}, answer = data.completion || {}, known = data.durations || {};
    const found = [
      ["Waited for the completion", known.generation_s],
      ["Decoding", answer.duration_s],
      ["Judging", known.judging_s],
      ["Program, CPU", run.cpu_s],
      ["Program, by the clock", run.wall_s],
    ].map(([name, time]) => [name, seconds(time)]);
    for (const [name, count] of [["Prompt tokens", answer.prompt_tokens], ["Completion tokens", answer.completion_tokens]]) {
      if (typeof count === "number") found.push([name, number(count)]);
    }
    return el("table", { class: "times" },
      el("tbody", {}, found.filter(([, text]) => text).map(([name, text]) =>
        el("tr", {}, el("th", { scope: "row" }, name), el("td", { class: "number" }, text)))));
  }

  function related(row) {
    const same = (other, ...columns) => columns.every((c) => index[c].values[other] === index[c].values[row]);
    const samples = [], attacks = [], models = [];
    for (let other = 0; other < index.id.length; other++) {
      if (!same(other, "benchmark", "problem")) continue;
      if (same(other, "model", "attack")) samples.push(other);
      else if (index.sample[other] !== index.sample[row]) continue;
      else if (same(other, "model")) attacks.push(other);
      else if (same(other, "attack")) models.push(other);
    }
    const list = (heading, found, label) => found.length < 1 ? null : section(heading,
      el("ul", { class: "cases" }, found.map((other) => el("li", {},
        other === row ? el("strong", {}, label(other)) : el("a", { href: linkTo(other) }, label(other)),
        badges(other)))));
    const tail = (other) => index.id[other].split("::").at(-1);
    return [
      list("All samples", samples, tail),
      list("The same problem under other attacks", attacks, tail),
      list("Other models", models, (other) => value(other, "model")),
    ];
  }

  function copier(text) {
    const code = el("code", {}, text);
    const button = el("button", { type: "button" }, "Copy id");
    const said = el("span", { role: "status", class: "small" });
    button.addEventListener("click", async () => {
      try {
        await navigator.clipboard.writeText(text);
        said.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(code);
        said.textContent = "Selected: copy it with the keyboard";
      }
    });
    return el("div", { class: "id" }, code, button, said);
  }

  function bar(row) {
    const place = rows.indexOf(row);
    const link = (text, other) => other === undefined ? null : el("a", { href: linkTo(other) }, text);
    return el("div", { class: "bar" },
      el("a", { href: "#cases" }, "← All cases"),
      place < 0 ? null : link("Previous", rows[place - 1]),
      place < 0 ? null : link("Next", rows[place + 1]));
  }

  async function open(row) {
    const data = await details(row), run = data.execution || {}, answer = data.completion;
    const heading = el("h1", { id: "case-title", tabindex: "-1" }, value(row, "problem"));
    const attacked = data.prompt_diff
      ? section("Prompt, clean and attacked", diff(data.prompt_diff))
      : section("Prompt", el("p", { class: "muted" }, "The attack changed nothing in the code of the prompt."));
    if (value(row, "attack") === "clean") attacked.lastChild.textContent = "The clean prompt.";
    const test = values([
      ["Reason", data.detail],
      ["Exception", run.exception],
      ["Failing test", run.failing_test, "code"],
      ["Expected", run.expected, "code"],
      ["Actual", run.actual, "code"],
      ["Standard output", run.stdout, "code"],
      ["Standard error", run.stderr, "code"],
      ["Notes", (run.notes || []).join("; ")],
    ]);
    article.replaceChildren(
      bar(row),
      heading,
      el("p", {}, badges(row)),
      copier(index.id[row]),
      el("dl", { class: "facts" },
        [["Model", value(row, "model")], ["Benchmark", value(row, "benchmark")], ["Attack", value(row, "attack")],
          ["Attack seed", data.case.attack_seed], ["Style", data.case.style], ["Sample", data.case.sample],
          ["Seed", data.case.seed], ["Loss of the reference", moved(answer)], ["Finish reason", answer && answer.finish_reason],
          ["Program found by", data.extraction], ["Judged", run.judge]]
          .filter(([, text]) => text !== null && text !== undefined && text !== "")
          .map(([name, text]) => el("div", {}, el("dt", {}, name), el("dd", {}, text)))),
      ...(test.children.length ? [section("Verdict", test)] : []),
      ...(data.anatomy ? [section("Anatomy", values(data.anatomy))] : []),
      attacked,
      el("details", {}, el("summary", {}, "Whole prompt as it was sent"), block("Prompt", data.prompt || "")),
      el("div", { class: "columns" },
        section("Completion", answer ? block("Completion", answer.text) : el("p", { class: "muted" }, "There is none.")),
        section("Program", data.program ? block("Program", highlighted(data.program)) : el("p", { class: "muted" }, "There is none."))),
      section("Times and tokens", times(data)),
      ...related(row).filter(Boolean));
    document.title = `${value(row, "problem")} – ${title}`;
    swap(true);
    heading.focus({ preventScroll: true });
    scrollTo(0, 0);
  }

  // --- moving about -------------------------------------------------------------
  function swap(toCase) {
    if (toCase && !overview.hidden) scrolled = scrollY;
    overview.hidden = toCase;
    article.hidden = !toCase;
    document.querySelector("body > header").hidden = toCase;
  }

  function close(target) {
    const wasOpen = overview.hidden;
    swap(false);
    article.replaceChildren();
    document.title = title;
    if (wasOpen && target === "cases" && opener) {
      scrollTo(0, scrolled);
      [...$("rows").querySelectorAll("a")].find((a) => a.hash === opener)?.focus({ preventScroll: true });
    } else if (wasOpen && target) $(target)?.scrollIntoView();
  }

  async function route() {
    const hash = location.hash.slice(1);
    const [place, query] = hash.split("?");
    if (place === "main") return;
    if (hash.startsWith("case/")) {
      let id = "";
      try { id = decodeURIComponent(hash.slice(5)); } catch { /* not a link of this page */ }
      const row = index.id.indexOf(id);
      if (row >= 0) {
        if (!overview.hidden) opener = location.hash;
        return open(row);
      }
      close("cases");
      $("count").textContent = "There is no such case in this report.";
      return;
    }
    if (query !== undefined) {
      form.reset();
      for (const [name, text] of new URLSearchParams(query)) {
        if (form.elements[name]) form.elements[name].value = text;
      }
      close();
      filter();
      $("cases").scrollIntoView();
      return;
    }
    close(place);
  }

  function remember() {
    const query = new URLSearchParams();
    for (const [name, text] of new FormData(form)) if (text) query.set(name, text);
    history.replaceState(null, "", query.size ? `#cases?${query}` : "#cases");
  }

  async function start() {
    if (typeof DecompressionStream === "undefined") {
      $("count").textContent = "This browser is too old to unpack the cases: it knows no DecompressionStream.";
      return;
    }
    index = await unpack("index");
    fill();
    form.hidden = false;
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("input", () => { filter(); remember(); });
    form.addEventListener("reset", () => setTimeout(() => { filter(); remember(); }));
    $("rows").tHead.addEventListener("click", (event) => {
      const head = event.target.closest("th[data-by]");
      if (head) sortBy(head);
    });
    $("pages").addEventListener("click", (event) => {
      const last = Math.ceil(rows.length / PAGE) - 1;
      const goal = { first: 0, previous: page - 1, next: page + 1, last }[event.target.dataset.go];
      if (goal === undefined) return;
      page = goal;
      show();
      $("rows").scrollIntoView();
    });
    addEventListener("hashchange", route);
    filter();
    await route();
    document.documentElement.dataset.ready = "true";
  }
  start();
})();

// Filters and renders the rows of the embedded data; only textContent, never markup.
(async () => {
  addEventListener("beforeprint", () => {
    for (const fold of document.querySelectorAll("details.fold")) fold.open = true;
  });
  const source = document.getElementById("data");
  if (!source) return;
  const packed = Uint8Array.from(atob(source.textContent), (letter) => letter.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
  const data = JSON.parse(await new Response(stream).text());
  const total = data.case.length;
  const page = 60;
  const $ = (id) => document.getElementById(id);
  const rows = $("rows"), more = $("more"), count = $("count"), form = $("filters");
  const field = { text: $("f-text"), target: $("f-target"), outcome: $("f-outcome"), op: $("f-op"), news: $("f-news") };
  let found = [], shown = 0, haystacks = null;

  const make = (tag, text, name) => {
    const node = document.createElement(tag);
    if (text !== undefined) node.textContent = text;
    if (name) node.className = name;
    return node;
  };
  const fill = (select, names) => {
    for (const [value, name] of names) {
      const option = make("option", name);
      option.value = String(value);
      select.append(option);
    }
  };
  const number = (value) => value.toLocaleString("en");

  const haystack = (row) => {
    if (!haystacks) haystacks = new Array(total);
    return (haystacks[row] ??= [
      data.cases[data.case[row]], data.texts[data.reason[row]], data.texts[data.cause[row]],
      data.opsets[data.opset[row]].map((op) => data.ops[op]).join(" "),
    ].join("\n").toLowerCase());
  };

  const search = () => {
    const words = field.text.value.toLowerCase().split(/\s+/).filter(Boolean);
    const target = field.target.value, outcome = field.outcome.value, op = field.op.value;
    const holds = op === "" ? null : data.opsets.map((ops) => ops.includes(Number(op)));
    found = [];
    for (let row = 0; row < total; row++) {
      if (target !== "" && data.target[row] !== Number(target)) continue;
      if (outcome !== "" && data.outcome[row] !== Number(outcome)) continue;
      if (holds && !holds[data.opset[row]]) continue;
      if (field.news.checked && !data.news[row]) continue;
      if (words.length && !words.every((word) => haystack(row).includes(word))) continue;
      found.push(row);
    }
    count.textContent = found.length === total
      ? `${number(total)} results` : `${number(found.length)} of ${number(total)} results`;
    rows.replaceChildren();
    shown = 0;
    show();
  };

  const show = () => {
    const part = document.createDocumentFragment();
    const end = Math.min(shown + page, found.length);
    for (; shown < end; shown++) part.append(line(found[shown]));
    rows.append(part);
    rows.hidden = found.length === 0;
    more.hidden = shown >= found.length;
    more.textContent = `Show more (${number(found.length - shown)} left)`;
  };

  const line = (row) => {
    const item = make("li"), fold = make("details"), head = make("summary");
    const outcome = data.outcomes[data.outcome[row]];
    const tag = make("span", outcome, `tag ${outcome}`);
    const mark = make("span");
    mark.append(tag);
    if (data.news[row]) mark.append(" ", make("span", "unexpected", "news"));
    head.append(mark, make("code", data.cases[data.case[row]], "id"), make("span", data.targets[data.target[row]], "on"));
    const reason = data.texts[data.reason[row]].split("\n")[0];
    if (reason) head.append(make("span", reason, "why"));
    fold.append(head);
    fold.addEventListener("toggle", () => { if (fold.childElementCount === 1) fold.append(facts(row)); });
    item.append(fold);
    return item;
  };

  const facts = (row) => {
    const list = make("dl", undefined, "facts");
    const add = (name, value) => { if (value) list.append(make("dt", name), make("dd", value)); };
    const names = (index, sets, words) => sets[index].map((word) => words[word]).join(", ");
    add("Reason", data.texts[data.reason[row]]);
    add("Bounds", data.texts[data.bounds[row]]);
    add("Grade", data.grades[data.grade[row]]);
    add("Inputs", data.evidences[data.evidence[data.case[row]]]);
    if (data.expected[row] >= 0) add("Expected", data.outcomes[data.expected[row]]);
    add("Known cause", data.texts[data.cause[row]]);
    add("Operators", names(data.opset[row], data.opsets, data.ops));
    add("Types", names(data.typeset[row], data.typesets, data.types));
    add("Placement", data.texts[data.place[row]]);
    add("Outputs", data.texts[data.outputs[row]]);
    if (data.margin[row] !== null) add("Worst error", `${data.margin[row]} of what is allowed`);
    add("Attempts", data.texts[data.attempts[row]]);
    list.append(make("dt", "Run it again"));
    const again = make("dd");
    again.append(make("code", `hal repro ${quote(data.cases[data.case[row]])} -d ${quote(data.targets[data.target[row]])}`, "repro"));
    list.append(again);
    return list;
  };
  const quote = (word) => /^[\w@%+=:,.\/-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`;

  const enumerate = (names) => names.map((name, index) => [index, name]);
  fill(field.target, enumerate(data.targets));
  fill(field.outcome, enumerate(data.outcomes));
  fill(field.op, enumerate(data.ops).sort((a, b) => a[1].localeCompare(b[1])));
  let timer = 0;
  field.text.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(search, 90); });
  for (const name of ["target", "outcome", "op", "news"]) field[name].addEventListener("change", search);
  form.addEventListener("reset", () => setTimeout(search));
  form.addEventListener("submit", (event) => { event.preventDefault(); search(); });
  more.addEventListener("click", show);
  new IntersectionObserver((seen) => {
    if (seen[0].isIntersecting && !more.hidden) show();
  }, { rootMargin: "400px" }).observe(more);

  // Numbers in the tables lead to the rows they count.
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href='#cases']");
    if (!link || (link.dataset.target ?? link.dataset.outcome ?? link.dataset.op) === undefined) return;
    const index = (names, name) => (name === undefined ? "" : String(names.indexOf(name)));
    form.reset();
    field.target.value = index(data.targets, link.dataset.target);
    field.outcome.value = index(data.outcomes, link.dataset.outcome);
    field.op.value = index(data.ops, link.dataset.op);
    field.text.value = link.dataset.text ?? "";
    search();
  });
  form.hidden = false;
  search();
  matrix(data);
})();
